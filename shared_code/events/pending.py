"""Intents: which appends are under way or not yet published. What a crash leaves behind stands here.

Table `pending`, in 16 partitions, so that writers do not queue up at one: a row `{stream}|{note id}` a note.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.identifiers import uuid7
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables

PARTITIONS = 16
_SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class Note:
    """Somebody is about to append these events to this stream, and to publish them."""

    id: str
    stream: str
    event_ids: tuple[str, ...]
    noted_at: datetime


class Pending:
    """The notes."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._table = tables.table("pending")
        self._clock = clock

    async def note(self, stream: str, event_ids: Sequence[str]) -> Note:
        """Write an intent down, before anything else is done about it."""
        now = self._clock()
        note = Note(uuid7(now), stream, tuple(event_ids), now)
        values = {"events": _SEPARATOR.join(event_ids), "noted_at": rfc3339(now)}
        await self._table.put(Row(_partition(stream), _key(note), values))
        return note

    async def clear(self, note: Note) -> None:
        """It is done, or never will be."""
        await self._table.delete(_partition(note.stream), _key(note))

    async def of_stream(self, stream: str) -> list[Note]:
        """The stream's notes."""
        rows = self._table.rows(_partition(stream), start=f"{stream}|", end=f"{stream}}}")  # } comes after |
        return [_read(row) async for row in rows]

    async def nothing(self) -> bool:
        """Whether there is no note at all: one question instead of sixteen, for the many times when it is so."""
        return [row async for row in self._table.rows(limit=1)] == []

    async def of_partition(self, number: int, *, after: Note | None = None, limit: int) -> AsyncIterator[Note]:
        """Notes of one of the 16 partitions (0-15), a stream's together, the older ones first, after this one."""
        start = f"{_key(after)}!" if after is not None else ""
        async for row in self._table.rows(f"{number:02}", start=start, limit=limit):
            yield _read(row)


def _partition(stream: str) -> str:
    return f"{zlib.crc32(stream.encode()) % PARTITIONS:02}"


def _key(note: Note) -> str:
    return f"{note.stream}|{note.id}"


def _read(row: Row) -> Note:
    stream, _, note_id = row.key.rpartition("|")
    event_ids = tuple(str(row.values["events"]).split(_SEPARATOR))
    return Note(note_id, stream, event_ids, parse_rfc3339(str(row.values["noted_at"])))
