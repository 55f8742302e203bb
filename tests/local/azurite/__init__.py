"""Azurite keeps what it acknowledged, whenever it is killed."""
