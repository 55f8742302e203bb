"""Sagas: what happens across services, told as a story."""
