"""Requests to services that run elsewhere."""
