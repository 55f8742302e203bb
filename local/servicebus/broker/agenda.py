"""What is to happen later: one heap of timers for the whole broker."""

import heapq
from collections.abc import Callable
from itertools import count

type Timer = tuple[int, int]  # when, in ms, and which of those that come then


class Agenda:
    """The caller asks `next_due` when to call `run`; nothing happens in between."""

    def __init__(self) -> None:
        self._actions: dict[Timer, Callable[[int], None]] = {}
        self._heap: list[Timer] = []  # with some that were cancelled
        self._order = count()

    def at(self, when: int, action: Callable[[int], None]) -> Timer:
        """Run `action(now)` once `when` has come."""
        timer = (when, next(self._order))
        self._actions[timer] = action
        heapq.heappush(self._heap, timer)
        if len(self._heap) > 1000 + 2 * len(self._actions):
            self._heap = sorted(self._actions)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer; None and one that ran already are left alone."""
        if timer is not None:
            self._actions.pop(timer, None)

    def next_due(self) -> int | None:
        """When `run` has something to do next."""
        while self._heap and self._heap[0] not in self._actions:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: int) -> None:
        """Run everything that is due, the earliest first."""
        while (due := self.next_due()) is not None and due <= now:
            self._actions.pop(heapq.heappop(self._heap))(now)
