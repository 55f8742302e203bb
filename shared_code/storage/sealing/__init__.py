"""What learners left, sealed: a data key a learner, wrapped by a key that storage never sees (docs/adr/0017)."""
