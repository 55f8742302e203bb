"""The supervisor's own mechanisms; what it does for a whole stack is in `tests/e2e/test_stack.py`."""
