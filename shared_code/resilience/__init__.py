"""Deadlines, retries, circuit breakers: patience with limits."""
