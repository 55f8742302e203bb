"""`make demo`: one learner's spoken practice, played through the public API and checked at every step."""
