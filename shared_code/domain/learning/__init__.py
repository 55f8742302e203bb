"""What a learner's attempts add up to: progress, what they show, and what to practise next."""
