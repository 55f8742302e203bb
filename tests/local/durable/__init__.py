"""The durable engine, driven by the Durable Task SDK's own worker and client."""
