"""The Functions host, each time as a process of its own with a small app from `apps/`."""
