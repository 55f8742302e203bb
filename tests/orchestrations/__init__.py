"""Sagas and their kit."""
