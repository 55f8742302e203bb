"""Facts and rules: events, learners, sessions, Mandarin. Pure: no I/O, no clock, nothing of ours imported."""
