"""Things whose every change is told to everybody: kept in a table, a row each, and announced as an event."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from shared_code.domain.errors import Conflict
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.journal import Journal
from shared_code.services.people import People
from shared_code.storage.rows import Row
from shared_code.storage.tables import Table


class Announced[D: Struct]:
    """All things of one kind, by id; several processes may read and change them.

    A change and its event are written together, in one row, and the event leaves the row once the journal has it. What
    a crash in between leaves is announced by whoever reads the thing next: no change stays untold.
    """

    def __init__(self, table: Table, kind: str, model: type[D], journal: Journal, people: People) -> None:
        self._table = table
        self._kind = kind
        self._model = model
        self._journal = journal
        self._people = people

    async def get(self, thing_id: str) -> D | None:
        """The thing as it stands, or None."""
        row = await self._table.get(self._kind, thing_id)
        return await self._told(row) if row is not None else None

    async def all(self) -> AsyncIterator[D]:
        """Everything of this kind, in the order of ids."""
        async for row in self._table.rows(self._kind):
            yield await self._told(row)

    async def put(self, thing_id: str, thing: D, event: CloudEvent, *, version: int) -> None:
        """Keep a changed thing, whose `version` counts from 1, and announce it.

        Conflict where it is no longer at the version before.
        """
        row = await self._table.get(self._kind, thing_id)
        there = int(row.values["version"]) if row is not None else version - 1  # the first row may follow a built-in
        if there != version - 1:
            raise moved_on(there)
        changed = Row(
            self._kind,
            thing_id,
            {"thing": msgspec.json.encode(thing), "version": version, "untold": event.encode()},
            row.etag if row is not None else "",
        )
        try:
            etag = await (self._table.insert(changed) if row is None else self._table.replace(changed))
        except Conflict:
            raise moved_on(version) from None
        await self._tell(Row(self._kind, thing_id, changed.values, etag))

    async def _told(self, row: Row) -> D:
        if row.values["untold"]:
            await self._tell(row)
        return msgspec.json.decode(_bytes(row, "thing"), type=self._model)

    async def _tell(self, row: Row) -> None:
        event = msgspec.json.decode(_bytes(row, "untold"), type=CloudEvent)
        await self._journal.record(self._people.pseudonym(event.tenantid, event.subject), [event])
        try:
            await self._table.replace(Row(row.partition, row.key, {**row.values, "untold": b""}, row.etag))
        except Conflict:
            return  # told by somebody else as well, or changed anew: the event's id keeps it single


def moved_on(version: int) -> Conflict:
    """Somebody else changed it first."""
    return Conflict("It has been changed meanwhile.", extra={"current_version": version})


def _bytes(row: Row, name: str) -> bytes:
    value = row.values[name]
    assert isinstance(value, bytes)
    return value
