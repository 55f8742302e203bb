"""Training and evaluation of the offline pronunciation analyser, from recordings outside the repository."""
