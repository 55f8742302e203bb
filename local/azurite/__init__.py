"""Azurite, Microsoft's storage emulator, made to keep what it acknowledged when it is killed."""
