"""Triggers: how the host's types become ours. A folder a kind of trigger."""
