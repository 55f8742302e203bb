"""Rate limits: how much, by whom, counted where."""
