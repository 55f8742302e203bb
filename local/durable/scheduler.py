"""Time for the engine: a clock that tests can move, and one thread that calls what is due."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """The time of day in UTC, ahead of the computer's by as much as `advance` was told."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move the clock forward; what falls due is called soon after."""
        self._ahead += by
        for moved in self._listeners:
            moved()

    def on_advance(self, moved: Callable[[], None]) -> None:
        """Call `moved` whenever the clock was moved."""
        self._listeners.append(moved)


class Scheduler:
    """Calls functions when they are due, in order of their time, one after the other, on its own thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        clock.on_advance(self._wake)

    def at(self, due: datetime, call: Callable[[], None]) -> None:
        """Call `call` at `due`, at once when that is past. There is no cancelling: let `call` look whether it holds."""
        with self._changed:
            heapq.heappush(self._due, (due, next(self._numbers), call))
            self._changed.notify()

    def start(self) -> None:
        """Begin to call what is due."""
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Call nothing more; wait for the call that is running."""
        self._stopping = True
        self._wake()
        if self._thread is not None:
            self._thread.join()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            call()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopping:
                wait = (self._due[0][0] - self._clock.now()).total_seconds() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                # A long wait is taken in pieces: a computer that slept would otherwise be late by as much.
                self._changed.wait(None if wait is None else min(wait, 30.0))
        return None
