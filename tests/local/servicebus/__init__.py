"""The Service Bus stand-in, against its rules and against Microsoft's clients."""
