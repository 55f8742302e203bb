"""What all instances know of one breaker."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

BreakerState = Literal["closed", "open", "probing"]


class View(Struct, frozen=True, kw_only=True):
    """The state, and until when (seconds since 1970) it holds: an open breaker's rest, a probe's time.

    `opened` counts how often it opened without having closed in between.
    """

    state: BreakerState = "closed"
    until: float = 0.0
    opened: int = 0

    def rested(self, now: float) -> bool:
        """Whether a probe may go."""
        return self.state != "closed" and now >= self.until
