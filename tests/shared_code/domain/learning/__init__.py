"""What attempts add up to."""
