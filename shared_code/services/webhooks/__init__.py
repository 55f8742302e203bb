"""Events to other systems over HTTP: who wants which, signed, tried again, and on record (docs/webhooks.md)."""
