"""What is on its way into the lake's archive: table `unarchived`, in 16 partitions, lest writers queue up at one.

A row is a mark: these events are about to be appended to this stream. It is written before they are, so that a crash
can leave a mark without events, but never events without a mark; and it goes when they are in the archive. So nothing
depends on clocks: an event that is late is waited for, not passed over.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.errors import Conflict
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables

PARTITIONS = 16
_SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody is about to append these events to this stream, or has."""

    stream: str
    event_ids: tuple[str, ...]
    made_at: datetime
    etag: str


class Unarchived:
    """The marks. All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._table = tables.table("unarchived")
        self._clock = clock

    async def mark(self, stream: str, event_ids: Sequence[str]) -> None:
        """Say that these events are about to be appended. The same ones have the same mark."""
        values = {"events": _SEPARATOR.join(event_ids), "made_at": rfc3339(self._clock())}
        await self._table.put(Row(_partition(stream), _key(stream, event_ids), values))

    async def clear(self, mark: Mark) -> None:
        """They are in the archive, or never will be. A mark that was made again meanwhile stays."""
        with suppress(Conflict):
            await self._table.delete(_partition(mark.stream), _key(mark.stream, mark.event_ids), etag=mark.etag)

    async def nothing(self) -> bool:
        """Whether there is no mark at all: one small question, for the many times when it is so."""
        return [row async for row in self._table.rows(limit=1)] == []

    async def of_partition(self, number: int, *, after: Mark | None = None, limit: int) -> AsyncIterator[Mark]:
        """Marks of one of the 16 partitions (0-15), a stream's together, after this one."""
        start = f"{_key(after.stream, after.event_ids)}!" if after is not None else ""
        async for row in self._table.rows(f"{number:02}", start=start, limit=limit):
            event_ids = tuple(str(row.values["events"]).split(_SEPARATOR))
            made_at = parse_rfc3339(str(row.values["made_at"]))
            yield Mark(row.key.partition("|")[0], event_ids, made_at, row.etag)


def _partition(stream: str) -> str:
    return f"{zlib.crc32(stream.encode()) % PARTITIONS:02}"


def _key(stream: str, event_ids: Sequence[str]) -> str:
    return f"{stream}|{event_ids[0]}|{hashlib.sha256(_SEPARATOR.join(event_ids).encode()).hexdigest()[:16]}"
