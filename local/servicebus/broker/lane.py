"""Messages in line for delivery, and who takes them: one lane a plain queue, one a session."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from local.servicebus.broker.agenda import Timer
from local.servicebus.broker.entity import Entry, State
from local.servicebus.refused import Refused


class Consumer(Protocol):
    """A receiver. `locks`: peek-lock, else receive-and-delete; `credit`: how many more messages it takes now."""

    name: str
    locks: bool
    credit: int

    def deliver(self, token: bytes, payload: bytes) -> None:
        """Hand over a message under a lock token of 16 bytes, in the byte order of .NET."""

    def granted(self, session_id: str, until: int) -> None:
        """The session that it asked for is its own until then, in ms since 1970."""

    def lost(self, why: Refused) -> None:
        """Its session, or its wait for one, is over."""


class Lane:
    """Numbers of messages that are ready, lowest first; those of messages that are gone are skipped.

    A session has one consumer at most, its owner, for whom it is locked `until` a time in ms since 1970.
    """

    def __init__(self, session_id: str = "") -> None:
        self.session_id = session_id
        self.consumers: deque[Consumer] = deque()
        self.until = 0
        self.timer: Timer | None = None
        self._ready: list[int] = []

    def put(self, entry: Entry) -> None:
        """Put a message in line, at the place that its number has."""
        heapq.heappush(self._ready, entry.number)

    def first(self, entries: Mapping[int, Entry]) -> Entry | None:
        """The message that is next; it stays in line until it is locked or gone."""
        while self._ready:
            entry = entries.get(self._ready[0])
            if entry is not None and not entry.token and entry.state == State.ACTIVE:
                return entry
            heapq.heappop(self._ready)
        return None

    def next_consumer(self) -> Consumer | None:
        """Whoever has credit, in turns."""
        for _ in range(len(self.consumers)):
            self.consumers.rotate(-1)
            if self.consumers[-1].credit > 0:
                return self.consumers[-1]
        return None
