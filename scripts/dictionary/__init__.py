"""How the dictionary of readings is made."""
