"""Where events wait behind one that failed: durably, in the order of their stream, in nobody's session.

Table `parked`, a partition a line. The row `head` is there exactly while the line is closed: whoever wants to handle an
event of the line looks for it first. A row `m{version}` an event, so that one that is parked again is parked once. The
event itself is in the event store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared_code.domain.clock import parse_rfc3339, rfc3339
from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.events.delivery import FIRST_TIME, Delivery
from shared_code.events.line import Line
from shared_code.storage.rows import Change, Row, Value
from shared_code.storage.sealing.data_key import SealBroken
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Tables

HEAD = "head"
RACES = 20
LONGEST_BODY = 60_000  # bytes; table storage takes 64 KiB in a property


@dataclass(frozen=True, slots=True)
class Head:
    """A closed line, and when its first event is to be tried again."""

    due: datetime
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """An event that waits. `failures` counts how often it failed, `code` says how the last time.

    `body` is what came, where the store has it in other words: another system's event. It is kept sealed, and not at
    all where it is too large for a row.
    """

    event_id: str
    version: int
    delivery: Delivery = FIRST_TIME
    failures: int = 0
    code: str = ""
    body: bytes = b""

    def failed(self, code: str) -> Parked:
        """The same after one more failure."""
        return replace(self, failures=self.failures + 1, code=code)


class Parking:
    """All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables, keys: LearnerKeys) -> None:
        self._table = tables.table("parked")
        self._keys = keys

    async def head(self, line: Line) -> Head | None:
        """The head of a closed line; None where the line is open."""
        row = await self._table.get(line.key, HEAD)
        return Head(parse_rfc3339(str(row.values["due"])), row.etag) if row is not None else None

    async def close(self, line: Line, parked: Parked, due: datetime) -> None:
        """Park an event that failed, its line closed until `due` at least."""
        for _ in range(RACES):
            with suppress(Conflict):
                await self._table.transact(
                    [Change("insert", _head(line, due)), Change("insert", await self._row(line, parked))]
                )
                return
            if await self.behind(line, parked) != "open":  # closed already: by somebody else, or by us before a crash
                return
        raise _busy()

    async def behind(self, line: Line, parked: Parked) -> Literal["open", "parked", "parked before"]:
        """Park an event in a closed line; where the line is open by now, nothing is parked."""
        for _ in range(RACES):
            head = await self.head(line)
            if head is None:
                return "open"
            if await self._table.get(line.key, _key(parked)) is not None:
                return "parked before"
            with suppress(Conflict, NotFound):
                await self._table.transact(
                    [
                        Change("replace", _head(line, head.due, head.etag)),
                        Change("insert", await self._row(line, parked)),
                    ]
                )
                return "parked"
        raise _busy()

    async def first(self, line: Line) -> Parked | None:
        """The event that is next, by its place in the stream."""
        async for row in self._table.rows(line.key, start="m", end="n", limit=1):
            return await self._parked(row)
        return None

    async def failed(self, line: Line, parked: Parked, due: datetime) -> None:
        """The first event has failed once more: keep it and let the line rest until `due`."""
        for _ in range(RACES):
            head = await self.head(line)
            if head is None:
                return  # somebody else has been through the line
            with suppress(Conflict, NotFound):
                await self._table.transact(
                    [Change("replace", _head(line, due, head.etag)), Change("put", await self._row(line, parked))]
                )
                return
        raise _busy()

    async def release(self, line: Line, parked: Parked) -> None:
        """An event is done with, one way or the other."""
        await self._table.delete(line.key, _key(parked))

    async def forget(self, line: Line) -> None:
        """Delete what waits in a line; who goes through it next finds it empty."""
        async for row in self._table.rows(line.key, start="m", end="n"):
            await self._table.delete(line.key, row.key)

    async def open(self, line: Line, head: Head) -> bool:
        """Open an empty line; False where somebody has parked in it since its head was read."""
        try:
            await self._table.delete(line.key, HEAD, etag=head.etag)
        except Conflict:
            return False
        return True

    async def overdue(self, before: datetime) -> AsyncIterator[Line]:
        """Closed lines whose time came before this moment."""
        async for row in self._table.rows(start=HEAD, end=f"{HEAD}~"):
            if parse_rfc3339(str(row.values["due"])) < before:
                yield Line.parse(row.partition)

    async def _row(self, line: Line, parked: Parked) -> Row:
        delivery = parked.delivery
        values: dict[str, Value] = {
            "event_id": parked.event_id,
            "failures": parked.failures,
            "code": parked.code,
            "redriven": delivery.redriven,
            "replay": delivery.replay,
            "quiet": delivery.quiet,
        }
        if 0 < len(parked.body) <= LONGEST_BODY:
            values["body"] = await self._keys.seal(line.stream, parked.body, f"{line.key}/{parked.event_id}")
        return Row(line.key, _key(parked), values)

    async def _parked(self, row: Row) -> Parked:
        values = row.values
        event_id = str(values["event_id"])
        return Parked(
            event_id=event_id,
            version=int(row.key[1:11]),
            delivery=Delivery(
                redriven=int(values["redriven"]), replay=str(values["replay"]), quiet=bool(values["quiet"])
            ),
            failures=int(values["failures"]),
            code=str(values["code"]),
            body=await self._opened(row, f"{row.partition}/{event_id}"),
        )

    async def _opened(self, row: Row, place: str) -> bytes:
        """What came; nothing where that was not kept, or somebody has changed it: the event store's words do then."""
        body = row.values.get("body")
        with suppress(SealBroken):
            if isinstance(body, bytes):
                return await self._keys.open(Line.parse(row.partition).stream, body, place) or b""
        return b""


def _busy() -> Unavailable:
    return Unavailable("Too many events of one learner at once.", code="line-busy", retry_after=1)


def _key(parked: Parked) -> str:
    return f"m{parked.version:010}|{parked.delivery.replay}"


def _head(line: Line, due: datetime, etag: str = "") -> Row:
    return Row(line.key, HEAD, {"due": rfc3339(due)}, etag)
