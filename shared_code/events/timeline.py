"""Which events there are of a type, by time: table `timeline`, a partition a type and day, in the order of their times.

Whoever publishes events notes them here beside: what is stored is noted as pending until both are done, so that nothing
is left out, and nobody waits for it who only states a fact.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched

from shared_code.domain.clock import rfc3339
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.paging import day_of
from shared_code.storage.rows import Change, Row
from shared_code.storage.tables import Tables

MOST = 100  # rows of a transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands; `key` orders the events of its type."""

    stream: str
    event_id: str
    key: str


class Timeline:
    """The index. All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("timeline")

    async def note(self, events: Sequence[tuple[str, CloudEvent]]) -> None:
        """Let `between` find these events, given with their streams. However often one is noted, it has one row."""
        partitions: defaultdict[str, list[Change]] = defaultdict(list)
        for stream, event in events:
            row = _row(stream, event)
            partitions[row.partition].append(Change("put", row))
        transactions = (each for changes in partitions.values() for each in batched(changes, MOST, strict=False))
        await asyncio.gather(*(self._table.transact(each) for each in transactions))

    async def between(
        self, event_type: str, start: datetime, end: datetime, *, after: str = ""
    ) -> AsyncIterator[Place]:
        """Events of this type from `start` up to but without `end`, in the order of time, after the key `after`.

        Raises BadRequest for what is no key.
        """
        first = max(rfc3339(start), after + " ")  # a space comes after the key itself and before any other
        last = rfc3339(end)
        for day in _days(first, last):
            async for row in self._table.rows(f"{event_type}|{day}", start=first, end=last):
                yield Place(str(row.values["stream"]), row.key.partition("|")[2], row.key)


def _row(stream: str, event: CloudEvent) -> Row:
    return Row(f"{event.type}|{event.time[:10]}", f"{event.time}|{event.id}", {"stream": stream})


def _days(first: str, last: str) -> list[str]:
    begin, end = day_of(first), day_of(last)
    return [(begin + timedelta(days=days)).isoformat() for days in range((end - begin).days + 1)]
