"""Bringing what is stored into the lake's archive, off every caller's path: a timer's work."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from msgspec import Struct, structs

from shared_code.domain.clock import Clock, parse_rfc3339
from shared_code.domain.errors import AppError
from shared_code.events.archive_line import Line, encode, line_of
from shared_code.events.lake_archive import ArchiveCut, LakeArchive, Tail
from shared_code.events.store import EventStore
from shared_code.events.unarchived import PARTITIONS, Mark, Unarchived
from shared_code.storage.rows import Row

log = logging.getLogger(__name__)

TAIL = "archived"  # the row beside a stream's events that says how far its archive is
TURN = 40.0  # seconds of one round; the next one goes on
AT_ONCE = 8  # streams
MARKS = 1000  # of one partition at once
BLOCK_BYTES = 1024 * 1024
NEVER_AFTER = timedelta(days=1)  # the host ends an append that takes five minutes (host.json, functionTimeout)


class Archived(Struct, frozen=True, kw_only=True):
    """What one round did. `lag_seconds` is how long the oldest event that it archived had waited, 0 without any."""

    events: int = 0
    streams: int = 0
    failed: int = 0
    lag_seconds: float = 0.0


class Archiving:
    """Runs on a timer, and may run on several instances at once: a file's length says who was first."""

    def __init__(self, store: EventStore, unarchived: Unarchived, files: LakeArchive, clock: Clock) -> None:
        self._store = store
        self._unarchived = unarchived
        self._files = files
        self._clock = clock

    async def round(self, *, turn: float = TURN) -> Archived:
        """Archive the events of the streams that are marked, for about so many seconds."""
        if await self._unarchived.nothing():
            return Archived()
        ends, now = time.monotonic() + turn, self._clock()
        gate = asyncio.Semaphore(AT_ONCE)
        done: list[tuple[int, float] | None] = []

        async def work(stream: str, marks: Sequence[Mark]) -> tuple[int, float] | None:
            async with gate:
                try:
                    return await self._work(stream, marks)
                except AppError as failure:  # its marks stay: the next round tries again
                    log.warning("archive.failed", extra={"learner": stream, "code": failure.code})
                    return None

        for step in range(PARTITIONS):
            number = (now.minute + step) % PARTITIONS  # beginning elsewhere each time, so that none is always the last
            async for streams in self._marked(number):
                done += await asyncio.gather(*(work(stream, marks) for stream, marks in streams.items()))
                if time.monotonic() > ends:
                    break
            if time.monotonic() > ends:
                break
        worked = [each for each in done if each is not None]
        return Archived(
            events=sum(events for events, _ in worked),
            streams=len(worked),
            failed=len(done) - len(worked),
            lag_seconds=max((lag for _, lag in worked), default=0.0),
        )

    async def _marked(self, number: int) -> AsyncIterator[dict[str, list[Mark]]]:
        """A partition's marks by stream, so many at once: those that have to stay keep no others from their turn."""
        last: Mark | None = None
        while True:
            streams: defaultdict[str, list[Mark]] = defaultdict(list)
            count = 0
            async for mark in self._unarchived.of_partition(number, after=last, limit=MARKS):
                streams[mark.stream].append(mark)
                count, last = count + 1, mark
            yield streams
            if count < MARKS:
                return

    async def _work(self, stream: str, marks: Sequence[Mark]) -> tuple[int, float]:
        try:
            return await self._bring(stream, marks)
        except ArchiveCut:
            log.warning("archive.anew", extra={"learner": stream})
            return await self._bring(stream, marks, anew=True)

    async def _bring(self, stream: str, marks: Sequence[Mark], *, anew: bool = False) -> tuple[int, float]:
        """Archive what a stream has beyond its tail, then clear its marks; how many events, the age of the first."""
        row = await self._store.beside(stream, TAIL)
        etag = row.etag if row else ""
        tail = Tail(**row.values) if row and not anew else Tail()  # type: ignore[arg-type]
        archived: set[str] = set()
        oldest = 0.0
        async for lines in self._blocks(stream, tail.version):
            if not archived:
                oldest = (self._clock() - parse_rfc3339(lines[0].recorded_at)).total_seconds()
            tail = await self._files.append(tail, lines)
            etag = await self._store.keep_beside(Row(stream, TAIL, structs.asdict(tail), etag))
            archived.update(line.event_id for line in lines)
        for mark in marks:
            if await self._is_done(mark, archived, tail.version):
                await self._unarchived.clear(mark)
        return len(archived), oldest

    async def _blocks(self, stream: str, after: int) -> AsyncIterator[list[Line]]:
        """What is to be appended at once: of one month, at most a megabyte."""
        block: list[Line] = []
        size = 0
        async for row in self._store.rows(stream, after=after):
            line = line_of(row)
            length = len(encode([line]))
            if block and (size + length > BLOCK_BYTES or line.month != block[0].month):
                yield block
                block, size = [], 0
            block.append(line)
            size += length
        if block:
            yield block

    async def _is_done(self, mark: Mark, archived: set[str], up_to: int) -> bool:
        """Whether all events of a mark are archived, or given up on; those that are nowhere may be on their way yet."""
        others = [event_id for event_id in mark.event_ids if event_id not in archived]
        versions = await self._store.versions(mark.stream, others)
        if any(version > up_to for version in versions.values()):
            return False  # appended since we looked
        return len(versions) == len(others) or self._clock() - mark.made_at > NEVER_AFTER
