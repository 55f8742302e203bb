"""The AMQP 1.0 wire format: values, frames, messages. Knows nothing of Service Bus."""
