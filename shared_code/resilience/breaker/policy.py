"""When a breaker opens, and for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """All times are in seconds, all rates from 0 to 1.

    A breaker opens when, of at least `least_calls` in the last `window`, `failure_rate` failed or `slow_rate` took
    longer than `slow_after`; and at once after `in_a_row` failures, because a busy service that breaks has a window
    full of good calls behind it. It stays open for `open_for`, doubled each time a probe fails, at most `open_at_most`.
    A probe that has not ended after `probe_for` is taken to be lost, and another one may go. `staleness` is the age
    at which a process that has calls to decide reads the shared state again.
    """

    window: float = 10.0
    least_calls: int = 10
    in_a_row: int = 5
    failure_rate: float = 0.5
    slow_after: float = 5.0
    slow_rate: float = 0.9
    open_for: float = 5.0
    open_at_most: float = 60.0
    probe_for: float = 10.0
    staleness: float = 1.0
