"""Messages in line for delivery, and who takes them: one lane a plain queue, one a session."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping

from local.servicebus.broker.consumer import Consumer
from local.servicebus.broker.entity import Entry, State


class Lane:
    """Numbers of messages that are ready, lowest first; numbers of messages that are gone are skipped."""

    def __init__(self) -> None:
        self.consumers: deque[Consumer] = deque()
        self._ready: list[int] = []

    def put(self, entry: Entry) -> None:
        """Put a message in line, at the place that its number has."""
        heapq.heappush(self._ready, entry.number)

    def first(self, entries: Mapping[int, Entry]) -> Entry | None:
        """The message that is next, left in line."""
        while self._ready:
            entry = entries.get(self._ready[0])
            if entry is not None and entry.token is None and entry.state == State.ACTIVE:
                return entry
            heapq.heappop(self._ready)
        return None

    def pop(self) -> None:
        """Take the first message out of line."""
        heapq.heappop(self._ready)

    def next_consumer(self) -> Consumer | None:
        """Whoever has credit, in turns."""
        for _ in range(len(self.consumers)):
            consumer = self.consumers[0]
            self.consumers.rotate(-1)
            if consumer.credit > 0:
                return consumer
        return None
