"""Finishes what crashes and outages left: publishes what is stored, gives up on appends that never happened."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import datetime, timedelta

from msgspec import Struct

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError
from shared_code.events.outbox import Outbox
from shared_code.events.pending import PARTITIONS, Note, Pending

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)


class Swept(Struct, frozen=True, kw_only=True):
    """What one run did. `lag_seconds` is the age of the oldest note that it found, 0 without any."""

    published: int = 0
    given_up: int = 0
    failed: int = 0
    lag_seconds: float = 0.0


class Sweeper:
    """Runs on a timer, on any number of instances at once: whatever two of them do twice has one effect."""

    def __init__(self, pending: Pending, outbox: Outbox, clock: Clock, *, grace: timedelta = GRACE) -> None:
        self._pending = pending
        self._outbox = outbox
        self._clock = clock
        self._grace = grace  # notes younger than this are the business of whoever wrote them

    async def sweep(self, *, limit: int = 1000) -> Swept:
        """Go through the notes, up to `limit` of each partition, and finish the old ones."""
        if await self._pending.nothing():
            return Swept()
        now = self._clock()
        published = given_up = failed = 0
        oldest = now
        for number in range(PARTITIONS):
            streams: defaultdict[str, list[Note]] = defaultdict(list)
            async for note in self._pending.of_partition(number, limit=limit):
                streams[note.stream].append(note)
                oldest = min(oldest, note.noted_at)
            for stream, notes in streams.items():
                try:
                    sent, dropped = await self._finish(stream, notes, now)
                    published += sent
                    given_up += dropped
                except AppError as failure:
                    failed += 1
                    log.warning("sweeper.failed", extra={"learner": stream, "code": failure.code})
        return Swept(published=published, given_up=given_up, failed=failed, lag_seconds=(now - oldest).total_seconds())

    async def _finish(self, stream: str, notes: list[Note], now: datetime) -> tuple[int, int]:
        old = [note for note in notes if now - note.noted_at >= self._grace]
        if not old:
            return 0, 0
        # Younger notes go along: their events may come before older notes' events in the stream.
        published = await self._outbox.publish(stream, notes, by="sweeper")
        dropped = 0
        for note in old:
            dropped += await self._outbox.give_up(note)
        return published, dropped
