"""The event store: every fact, in the order of its stream. A stream is a learner's pseudonym (or a content item's).

Table `events`, one partition a stream, so that an append is one entity-group transaction:

- `head` holds the stream's version; its etag makes of many appends at once one after the other,
- `e` and ten digits is the event of that version,
- `i` and an event's id says its version; created only once, so that an append that is repeated changes nothing.
  Below 1 it says that the event was given up on (`withdraw`), or must never come (`preclude`),
- whatever a caller writes in the same transaction (`beside`) or next to it (`archived`: how far the lake's archive is),
  under keys that begin with another letter.

What the rows of events hold is said in archive.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from shared_code.domain.clock import Clock, rfc3339
from shared_code.domain.errors import Conflict, NotFound, TooLarge, Unavailable
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.archive import COLUMNS, Archive
from shared_code.events.correlations import Correlations
from shared_code.events.event_source import EventsMissing
from shared_code.events.stored import StoredEvent
from shared_code.events.unarchived import Unarchived
from shared_code.resilience.recent import Recent
from shared_code.resilience.retry import backoff
from shared_code.storage.rows import Change, Row
from shared_code.storage.sealing.data_key import SealBroken
from shared_code.storage.tables import Tables

MOST_AT_ONCE = 49  # two rows an event, the head and one row beside: a transaction takes 100
HEADS_REMEMBERED = 2000
RACES = 25  # lost races for the head before we say that the stream is too busy
UNANSWERED = 2  # how often an append that storage did not answer is looked into and run again
WITHDRAWN, PRECLUDED = 0, -1  # in the place of a version


class Withdrawn(Unavailable):
    """The sweeper gave up on this append, because it was noted long ago: note it again, `reclaim`, and append."""

    code = "append-withdrawn"


class Precluded(Conflict):
    """The event was ruled out before it was appended (`EventStore.preclude`), for good."""

    code = "event-precluded"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream stands; version 0 and no etag for one that does not exist yet."""

    version: int = 0
    etag: str = ""
    recorded_at: str = ""


class EventStore:
    """Appends to and reads from streams. All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables, clock: Clock, archive: Archive) -> None:
        self._table = tables.table("events")
        self._archive = archive
        self._correlations = Correlations(tables)
        self._unarchived = Unarchived(tables, clock)
        self._clock = clock
        self._heads: Recent[str, Head] = Recent(HEADS_REMEMBERED)  # guesses: another process may have moved on

    async def head(self, stream: str) -> Head:
        """Where the stream stands."""
        row = await self._table.get(stream, "head")
        if row is None:
            return Head()
        return Head(int(row.values["version"]), row.etag, str(row.values["recorded_at"]))

    async def append(
        self,
        stream: str,
        events: Sequence[CloudEvent],
        *,
        expected_version: int | None = None,
        beside: Change | None = None,
    ) -> list[StoredEvent]:
        """Append up to 49 events, all or none, and give them with their versions. `announce` them before.

        `beside` is a change of one more row of the stream's partition, made together with the events or not at all: a
        put, since a repetition that finds the events there has made it.

        Events that are in the stream already, by id, are not appended again, and given as they are. With
        `expected_version`, Conflict where the stream has moved on; `extra["current_version"]` says where to. Without,
        lost races are run again. Raises TooLarge for an event above MAX_EVENT_BYTES, Withdrawn, Precluded (see there).
        """
        if len(events) > MOST_AT_ONCE:
            raise TooLarge(f"{len(events)} events at once; at most {MOST_AT_ONCE} are taken")
        ids = [event.id for event in events]
        stored: dict[str, StoredEvent] = {}
        head = self._heads.get(stream)
        for attempt in range(RACES):
            if head is None or expected_version not in (None, head.version):
                head = await self.head(stream)
            if expected_version not in (None, head.version):
                stored = await self._already(stream, ids)
                if len(stored) < len(ids):
                    raise Conflict(f"The stream is at version {head.version}.", extra={"current_version": head.version})
            fresh = self._next(stream, [event for event in events if event.id not in stored], head)
            try:
                await self._write(stream, fresh, head, beside)
            except (Conflict, NotFound, Unavailable) as failure:
                if failure.retryable and attempt >= UNANSWERED:
                    raise
                self._heads.forget(stream)  # and see what is there: an append may have happened unheard
                head = None
                stored = await self._already(stream, ids)
                await asyncio.sleep(backoff(attempt, first=0.01, longest=0.3))
            else:
                stored |= {each.event.id: each for each in fresh}
                return [stored[event_id] for event_id in ids]
        raise Unavailable("Too many appends at once; try again.", code="stream-busy", retry_after=1)

    async def read(
        self, stream: str, *, after: int = 0, to: int | None = None, until: datetime | None = None
    ) -> AsyncIterator[StoredEvent]:
        """The stream's events in order, beyond version `after`, up to version `to`, recorded at `until` or before."""
        end = _event_key(to + 1) if to is not None else "e:"
        latest = rfc3339(until) if until is not None else ""
        key = await self._archive.key_of(stream)
        async for row in self._table.rows(stream, start=_event_key(after + 1), end=end, select=COLUMNS):
            if latest and str(row.values["recorded_at"]) > latest:
                return  # within a stream these times never fall
            yield await self._archive.event_of(row, key)

    async def rows(self, stream: str, *, after: int = 0) -> AsyncIterator[Row]:
        """The stream's events as they lie here, sealed, beyond version `after`: for the archive."""
        async for row in self._table.rows(stream, start=_event_key(after + 1), end="e:", select=COLUMNS):
            yield row

    async def beside(self, stream: str, key: str) -> Row | None:
        """The row that was written beside events under this key, or None."""
        return await self._table.get(stream, key)

    async def keep_beside(self, row: Row) -> str:
        """Write a row beside a stream's events and give its etag.

        Conflict where it has changed since it was read, or, without an etag, where there is one.
        """
        return await (self._table.replace(row) if row.etag else self._table.insert(row))

    async def streams(self, *, after: str = "") -> AsyncIterator[str]:
        """The names of all streams in order, after this one. Storage looks at every row: for replays, not requests."""
        async for row in self._table.rows(start="head", end="head~", select=["version"], beyond=after):
            yield row.partition

    async def forget(self, stream: str, beside: str) -> None:
        """What the erasure of a learner's key leaves to do: delete large payloads, and the row beside of this key."""
        await self._archive.forget_payloads(stream)
        await self._table.delete(stream, beside)

    async def find(self, stream: str, event_id: str) -> StoredEvent | None:
        """The event of this id, or None."""
        version = (await self.versions(stream, [event_id])).get(event_id, WITHDRAWN)
        return await self._event(stream, version) if version > WITHDRAWN else None

    async def open_part(self, stream: str, event_id: str) -> CloudEvent | None:
        """What is not sealed of an event that cannot be read as a whole; None where that cannot be read either."""
        version = (await self.versions(stream, [event_id])).get(event_id, WITHDRAWN)
        row = await self._table.get(stream, _event_key(version))
        try:
            return self._archive.open_part(row) if row is not None else None
        except SealBroken:
            return None

    async def tenant_of(self, stream: str) -> str | None:
        """Whose a stream is, as the first of its events says that can be read at all; None where none can."""
        async for row in self._table.rows(stream, start="e", end="e:", select=["body"]):
            with suppress(SealBroken):
                return self._archive.open_part(row).tenantid
        return None

    async def versions(self, stream: str, event_ids: Sequence[str]) -> dict[str, int]:
        """The versions of those of these events that are in the stream; WITHDRAWN or PRECLUDED for those ruled out."""
        rows = await asyncio.gather(*(self._table.get(stream, f"i{event_id}") for event_id in event_ids))
        return {row.key[1:]: int(row.values["version"]) for row in rows if row is not None}

    async def by_correlation(self, correlation_id: str, *, limit: int = 500) -> list[StoredEvent]:
        """Everything that one request, or one event of another system, led to, in order of time.

        `limit` counts appends: events that were appended together come together.
        """
        places = await self._correlations.places(correlation_id, limit=limit)
        found = await asyncio.gather(*(self.find(stream, event_id) for stream, event_id in places))
        return sorted((each for each in found if each), key=lambda each: (each.event.time, each.stream, each.version))

    async def announce(self, stream: str, events: Sequence[CloudEvent]) -> None:
        """Say which events are about to be appended: so `by_correlation` finds them, and the lake's archive gets them.

        Before `append`.
        """
        marked = self._unarchived.mark(stream, [event.id for event in events])
        await asyncio.gather(marked, self._correlations.note(stream, events))

    async def restore(self, stream: str, events: Sequence[StoredEvent]) -> int:
        """Put back those of these events, in order, whose versions are missing, as they were; how many.

        For what comes from the archive. A version that another event has is left alone, and an event that has another.
        """
        first, beyond = _event_key(events[0].version), _event_key(events[-1].version + 1)
        found = self._table.rows(stream, start=first, end=beyond, select=["recorded_at"])
        present = {row.key async for row in found}
        missing = [each for each in events if _event_key(each.version) not in present]
        places = await self.versions(stream, [each.event.id for each in missing])
        missing = [each for each in missing if places.get(each.event.id, each.version) == each.version]
        for some in batched(missing, MOST_AT_ONCE, strict=False):
            changes = [Change("put", Row(stream, f"i{each.event.id}", {"version": each.version})) for each in some]
            for each, values in zip(some, await self._archive.values(some), strict=True):
                changes.append(Change("insert", Row(stream, _event_key(each.version), values)))
            head, last = await self.head(stream), some[-1]
            if head.version < last.version:
                row = Row(stream, "head", {"version": last.version, "recorded_at": last.recorded_at}, head.etag)
                changes.append(Change("replace" if head.etag else "insert", row))
            await self._table.transact(changes)
            self._heads.forget(stream)
        return len(missing)

    async def withdraw(self, stream: str, event_ids: Sequence[str]) -> None:
        """Give up on events that were never appended, so that a late append cannot succeed unnoticed.

        Conflict where one of them is in the stream after all.
        """
        rows = [Row(stream, f"i{event_id}", {"version": WITHDRAWN}) for event_id in event_ids]
        await self._table.transact([Change("insert", row) for row in rows])

    async def reclaim(self, stream: str, event_ids: Sequence[str]) -> None:
        """Take `withdraw` back for those of these events that were given up on."""
        for event_id in event_ids:
            row = await self._table.get(stream, f"i{event_id}")
            if row is not None and row.values["version"] == WITHDRAWN:
                await self._table.delete(stream, row.key, etag=row.etag)

    async def preclude(self, stream: str, event_id: str) -> bool:
        """See to it that an event never comes into the stream; False where it is there already.

        Of an append at the same time, one of both happens: an append that is late raises Precluded.
        """
        while True:
            row = await self._table.get(stream, f"i{event_id}")
            if row is not None and row.values["version"] != WITHDRAWN:
                return row.values["version"] == PRECLUDED
            ruled_out = Row(stream, f"i{event_id}", {"version": PRECLUDED}, row.etag if row is not None else "")
            with suppress(Conflict, NotFound):  # somebody was faster: see what they did
                await (self._table.insert(ruled_out) if row is None else self._table.replace(ruled_out))

    def _next(self, stream: str, events: Sequence[CloudEvent], head: Head) -> list[StoredEvent]:
        now = max(rfc3339(self._clock()), head.recorded_at)  # whichever process's clock is ahead
        return [
            StoredEvent(stream=stream, version=version, event=event, recorded_at=now)
            for version, event in enumerate(events, head.version + 1)
        ]

    async def _write(self, stream: str, stored: Sequence[StoredEvent], head: Head, beside: Change | None) -> None:
        """Write events and the new head. Conflict or NotFound where the head has moved, or an id is there."""
        if not stored:
            return
        version, recorded_at = stored[-1].version, stored[-1].recorded_at
        new_head = Row(stream, "head", {"version": version, "recorded_at": recorded_at}, head.etag)
        changes = [Change("replace" if head.etag else "insert", new_head)]
        for each, values in zip(stored, await self._archive.values(stored), strict=True):
            changes.append(Change("insert", Row(stream, _event_key(each.version), values)))
            changes.append(Change("insert", Row(stream, f"i{each.event.id}", {"version": each.version})))
        if beside is not None:
            changes.append(beside)
        etags = await self._table.transact(changes)
        self._heads.set(stream, Head(version, etags[0], recorded_at))

    async def _already(self, stream: str, event_ids: Sequence[str]) -> dict[str, StoredEvent]:
        """Those of these events that are in the stream. Raises Withdrawn or Precluded where one was ruled out."""
        versions = await self.versions(stream, event_ids)
        if PRECLUDED in versions.values():
            raise Precluded("The event was ruled out before it was appended.")
        if WITHDRAWN in versions.values():
            raise Withdrawn("The append was given up on; start it again.")
        found = await asyncio.gather(*(self._event(stream, version) for version in versions.values()))
        return dict(zip(versions, found, strict=True))

    async def _event(self, stream: str, version: int) -> StoredEvent:
        row = await self._table.get(stream, _event_key(version))
        if row is None:  # it was written together with the id's
            raise EventsMissing(f"version {version} is missing")
        return await self._archive.event_of(row, await self._archive.key_of(stream))


def _event_key(version: int) -> str:
    return f"e{version:010}"
