"""What reaches a learner away from the screen."""
