"""Which services there are, where their instances run, and which of them to ask."""
