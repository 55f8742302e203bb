"""The external service hub: a folder a capability, a file a vendor's wire format, and `hub.py` that guards them all."""
