"""Timers: what must happen though nobody asks."""
