"""Everything the app does, free of the host that runs it."""
