"""Use cases, one file a service."""
