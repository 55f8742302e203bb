"""A local stand-in for Azure Service Bus: an AMQP 1.0 listener and broker for Microsoft's unmodified clients."""
