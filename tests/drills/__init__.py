"""Drills: break the running stack on purpose and count what was lost. `make drill` runs them all."""
