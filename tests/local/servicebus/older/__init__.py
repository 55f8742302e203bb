"""An older azure-servicebus, in an environment of its own: `python -m tests.local.servicebus.older`."""
