"""Events: past facts about learning, as CloudEvents 1.0."""
