"""The stages of the gateway, one a file; their order is in `shared_code/gateway/gateway.py`."""
