"""How many retries a service can bear."""

from __future__ import annotations

RATIO = 0.2  # retries that each ordinary call earns
MOST = 20.0  # retries saved up at most, and what a service starts with


class RetryBudget:
    """Retries may be a fifth of the calls: a service that is failing is not drowned in a second wave.

    (sre.google, "Handling Overload"; the shape is Finagle's.)
    """

    def __init__(self) -> None:
        self._saved = MOST

    def earn(self) -> None:
        """An ordinary call was made."""
        self._saved = min(MOST, self._saved + RATIO)

    def spend(self) -> bool:
        """Take one retry, if there is one."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
