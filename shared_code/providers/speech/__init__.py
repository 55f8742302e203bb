"""Speech: how well an attempt was spoken."""
