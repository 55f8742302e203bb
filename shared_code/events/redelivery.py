"""How long a message rests before the bus has it again, so that an outage does not use up its deliveries."""

from __future__ import annotations

FIRST, LONGEST = 0.5, 15.0  # seconds; ten deliveries last 75, more than a restart or a fail-over takes


def rest(delivery_count: int) -> float:
    """Seconds to wait before a message is given back after its n-th delivery failed: doubled each time.

    Meanwhile its lock is renewed and its session held: the learner's order is kept, and others are served.
    """
    return float(min(LONGEST, FIRST * 2 ** (delivery_count - 1)))
