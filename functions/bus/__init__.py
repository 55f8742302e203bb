"""Service Bus triggers: one file a topic."""
