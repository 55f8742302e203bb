"""What sagas and those who look after them agree on."""

from __future__ import annotations

import re

OPERATOR_EVENT = "operator_decision"  # the external event that a parked saga waits for

_REASON = re.compile(r"\breason=([a-z0-9][a-z0-9-]*)")


class StepFailed(Exception):
    """A step of a saga failed for a reason that has a code. An engine passes an activity's failure on as text alone."""

    def __init__(self, code: str) -> None:
        super().__init__(f"reason={code}")


def reason_of(failure: BaseException) -> str:
    """The code of a failure that an orchestrator sees; `unexpected` for one that nobody gave a code."""
    found = _REASON.search(str(failure))
    return found[1] if found else "unexpected"
