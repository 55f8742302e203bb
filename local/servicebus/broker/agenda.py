"""What is to happen later: one heap of timers for the whole broker."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """`action(now)`, still to come; None once it ran or was cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[int], None]) -> None:
        self.action: Callable[[int], None] | None = action


class Agenda:
    """Timers by time in ms. The caller asks `next_due` when to call `run`; nothing happens in between."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._order = count()
        self._cancelled = 0  # at least as many as are still in the heap

    def at(self, when: int, action: Callable[[int], None]) -> Timer:
        """Run `action(now)` once `when` has come."""
        timer = Timer(action)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer; None and one that ran already are left alone."""
        if timer is None or timer.action is None:
            return
        timer.action = None
        self._cancelled += 1
        if self._cancelled > 1000 and self._cancelled > len(self._heap) // 2:
            self._heap = [item for item in self._heap if item[2].action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_due(self) -> int | None:
        """When `run` has something to do next."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: int) -> None:
        """Run everything that is due, the earliest first."""
        while (due := self.next_due()) is not None and due <= now:
            timer = heapq.heappop(self._heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action(now)
