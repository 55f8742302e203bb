"""A small OpenID Connect provider: discovery, keys, and tokens for development."""
