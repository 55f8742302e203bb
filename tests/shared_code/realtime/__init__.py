"""The session channel."""
