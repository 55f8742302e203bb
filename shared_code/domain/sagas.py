"""What sagas and those who look after them agree on."""

from __future__ import annotations

OPERATOR_EVENT = "operator_decision"  # the external event that a parked saga waits for
