"""The identity provider, asked as any OAuth client would ask it."""
