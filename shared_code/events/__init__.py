"""The event backbone: store, outbox, inbox, bus, dead letters."""
