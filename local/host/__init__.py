"""The local Functions host: Microsoft's Python worker, and around it what the real host does for this app."""
