"""`Idempotency-Key`: a client that repeats a request gets the first answer, not a second effect."""
