"""Time for the engine: a clock that tests can move, and one thread that calls what is due."""

from __future__ import annotations

import sched
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

LONGEST_WAIT = 30.0  # seconds; a computer that slept would otherwise be late by as much


class Clock:
    """The time of day in UTC, ahead of the computer's by as much as `advance` was told."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self.on_advance: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move the clock forward; what falls due is called soon after."""
        self._ahead += by
        for moved in self.on_advance:
            moved()


class Scheduler:
    """Calls functions when they are due, in order of their time, one after the other, on its own thread."""

    def __init__(self, clock: Clock) -> None:
        self._due = sched.scheduler(lambda: clock.now().timestamp())
        self._changed = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        clock.on_advance.append(self._changed.set)

    def at(self, due: datetime, call: Callable[[], None]) -> None:
        """Call `call` at `due`, at once when that is past. There is no cancelling: let `call` look whether it holds."""
        self._due.enterabs(due.timestamp(), 0, call)
        self._changed.set()

    def start(self) -> None:
        """Begin to call what is due."""
        self._thread.start()

    def stop(self) -> None:
        """Call nothing more, once what is due now was called."""
        self._stopping = True
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            wait = self._due.run(blocking=False)
            self._changed.wait(LONGEST_WAIT if wait is None else min(wait, LONGEST_WAIT))
            self._changed.clear()
