"""Counts over a sliding window of time."""

from __future__ import annotations

from collections.abc import Callable

BUCKETS = 10


class Window:
    """How many calls of the last `seconds` failed or were slow, to a tenth of the window."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._width = seconds / BUCKETS
        self._now = now
        self._buckets = [[0, 0, 0] for _ in range(BUCKETS)]  # calls, failed, slow
        self._current = int(now() / self._width)

    def add(self, *, failed: bool, slow: bool) -> None:
        """Count one call."""
        bucket = self._buckets[self._turned() % BUCKETS]
        bucket[0] += 1
        bucket[1] += failed
        bucket[2] += slow

    def totals(self) -> tuple[int, int, int]:
        """Calls, failed ones and slow ones."""
        self._turned()
        calls, failed, slow = (sum(column) for column in zip(*self._buckets, strict=True))
        return calls, failed, slow

    def clear(self) -> None:
        """Forget everything."""
        self._buckets = [[0, 0, 0] for _ in range(BUCKETS)]

    def _turned(self) -> int:
        """Empty the buckets that time has passed since the last call, and return the current one's number."""
        current = int(self._now() / self._width)
        for number in range(self._current + 1, min(current, self._current + BUCKETS) + 1):
            self._buckets[number % BUCKETS] = [0, 0, 0]
        self._current = max(current, self._current)
        return self._current
