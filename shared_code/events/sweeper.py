"""Finishes what crashes and outages left: publishes what is stored, gives up on appends that never happened."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import groupby

from msgspec import Struct

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError
from shared_code.events.outbox import Outbox
from shared_code.events.pending import PARTITIONS, Note, Pending

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)
NOTES = 1000  # of one partition at once
TURN = 40.0  # seconds of one run; the next one goes on


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
        self._stopped: tuple[int, Note | None] = (0, None)  # the partition, and the note, where time was up
        self._grace = grace  # notes younger than this are the business of whoever wrote them

    async def sweep(self, *, limit: int = NOTES, turn: float = TURN) -> Swept:
        """Go through the notes, up to `limit` at once, for about so many seconds, and finish the old ones.

        The next run goes on where time was up: notes that have to stay keep no others from their turn.
        """
        if await self._pending.nothing():
            return Swept()
        ends, now = time.monotonic() + turn, self._clock()
        published = given_up = failed = 0
        oldest = now
        async for number, notes in self._noted(limit):
            stream = notes[0].stream
            oldest = min(oldest, notes[0].noted_at)
            try:
                sent, dropped = await self._finish(stream, notes, now)
                published += sent
                given_up += dropped
            except AppError as failure:
                failed += 1
                log.warning("sweeper.failed", extra={"learner": stream, "code": failure.code})
            if time.monotonic() > ends:
                self._stopped = (number, notes[-1])
                break
        else:
            self._stopped = (0, None)
        return Swept(published=published, given_up=given_up, failed=failed, lag_seconds=(now - oldest).total_seconds())

    async def _noted(self, limit: int) -> AsyncIterator[tuple[int, list[Note]]]:
        """All notes, a stream's together, with the number of their partition, from where time was up."""
        first, after = self._stopped
        for number in (*range(first, PARTITIONS), *range(first)):
            while True:
                page = [note async for note in self._pending.of_partition(number, after=after, limit=limit)]
                whole = page
                if len(page) == limit:  # the last stream may go on: it comes with the next page, if it leaves any other
                    whole = [note for note in page if note.stream != page[-1].stream] or page
                for _, notes in groupby(whole, key=lambda note: note.stream):
                    yield number, list(notes)
                if len(page) < limit:
                    break
                after = whole[-1]
            after = None

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
