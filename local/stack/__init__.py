"""One process tree of all local parts: started, watched, restarted and ended together."""
