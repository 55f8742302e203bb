"""The Durable Task engine: Microsoft's in-memory backend with its faults mended, kept in SQLite."""
