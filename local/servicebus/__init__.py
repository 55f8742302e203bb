"""A local stand-in for Azure Service Bus: an AMQP 1.0 listener and broker for Microsoft's unmodified clients.

`amqp` is the wire format, `protocol` the conversation with a client, `broker` the rules of queues and topics, free of
sockets and clocks. `python -m local.servicebus` runs it.
"""
