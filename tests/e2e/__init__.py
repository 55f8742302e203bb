"""Promises of the whole stack, seen from outside."""
