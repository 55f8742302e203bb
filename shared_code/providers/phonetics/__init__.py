"""Phonetics: how a text is read."""
