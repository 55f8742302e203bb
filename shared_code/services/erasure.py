"""Erasing a learner: their key first, which is most of it, then whatever else holds them.

Table `erasures`: a row a learner, in the partition `open` until everything is done, then in `done`. It is written
before anything else, so that a crash leaves the rest to the timer. Who it is about is sealed in it, since the bus knows
learners by name alone; what is left in `done` says no more than that there was a learner once.

An erasure goes through all steps twice: at once, and again when every process has forgotten the key. What was under way
meanwhile, in a process that still knew it, is gone then too.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError, Conflict, NotFound
from shared_code.storage.rows import Row
from shared_code.storage.sealing.learner_keys import KEY_MEMORY, LearnerKeys
from shared_code.storage.tables import Table

log = logging.getLogger(__name__)

OPEN, DONE = "open", "done"
SETTLED_AFTER = timedelta(seconds=KEY_MEMORY + 15)
_OWN_KEY = "erasures"  # the name of the key that seals the records


class Person(Struct, frozen=True, kw_only=True):
    """A learner as everything knows them: `id` is empty where nobody knows it any more."""

    id: str
    tenant: str
    pseudonym: str


class Erasure(Struct, frozen=True, kw_only=True):
    """How an erasure stands. `learner` is a pseudonym.

    `erasing`: what is stored is being erased. `settling`: it is, and is looked through again once every process has
    forgotten the learner. `erased`: nothing is left. `done` are the steps of this round that are through, and `failed`
    the one that will be tried again.
    """

    learner: str
    state: Literal["erasing", "settling", "erased"]
    requested_at: datetime
    settles_at: datetime | None = None
    erased_at: datetime | None = None
    done: tuple[str, ...] = ()
    failed: str | None = None


class _Record(Struct, frozen=True, kw_only=True):
    erasure: Erasure
    people: bytes = b""  # sealed


Steps = Mapping[str, Callable[[Person], Awaitable[object]]]
Others = Callable[[Person], Awaitable[list[Person]]]


class Erasures:
    """`steps` are what there is to do for one person, by name: each may be run again, and at any time.

    `others` finds whoever else is the same person: guests who became the learner's account.
    """

    def __init__(
        self,
        *,
        table: Table,
        keys: LearnerKeys,
        steps: Steps,
        others: Others,
        clock: Clock,
        settled_after: timedelta = SETTLED_AFTER,
    ) -> None:
        self._table = table
        self._keys = keys
        self._steps = steps
        self._others = others
        self._clock = clock
        self._settled_after = settled_after

    async def begin(self, person: Person) -> Erasure:
        """Put an erasure on record and erase the key. Asked for again while one is under way, that one goes on."""
        row = await self._table.get(OPEN, person.pseudonym)
        if row is None:
            erasure = Erasure(learner=person.pseudonym, state="erasing", requested_at=self._clock())
            people = msgspec.json.encode([person, *await self._others(person)])
            sealed = await self._keys.seal(_OWN_KEY, people, person.pseudonym)
            with suppress(Conflict):
                await self._table.insert(_row(OPEN, _Record(erasure=erasure, people=sealed)))
        await self._keys.erase(person.pseudonym)
        return await self.of(person.pseudonym)

    async def of(self, learner: str) -> Erasure:
        """The learner's latest erasure. Raises NotFound where there was none."""
        for partition in (OPEN, DONE):
            row = await self._table.get(partition, learner)
            if row is not None:
                return _record(row).erasure
        raise NotFound("There is no erasure of this learner.")

    async def work(self) -> int:
        """Go on with every erasure that is under way; how many are left. What fails is tried again the next time."""
        left = 0
        async for row in self._table.rows(OPEN):
            try:
                left += not await self._go_on(row)
            except AppError as failure:
                left += 1
                log.warning("erasure.failed", extra={"learner": row.key, "code": failure.code})
        return left

    async def _go_on(self, row: Row) -> bool:
        """Whether it is done with."""
        record = _record(row)
        if record.erasure.settles_at is not None and self._clock() < record.erasure.settles_at:
            return False
        people = await self._people(record)
        for name, step in self._steps.items():
            if name in record.erasure.done:
                continue
            try:
                for person in people:
                    await step(person)
            except AppError as failure:
                log.warning("erasure.step_failed", extra={"learner": row.key, "step": name, "code": failure.code})
                await self._keep(row, replace(record.erasure, failed=name), record)
                return False
            row, record = await self._keep(
                row, replace(record.erasure, done=(*record.erasure.done, name), failed=None), record
            )
        if record.erasure.state == "erasing":
            settles_at = self._clock() + self._settled_after
            await self._keep(row, replace(record.erasure, state="settling", settles_at=settles_at, done=()), record)
            return False
        erased = replace(record.erasure, state="erased", erased_at=self._clock())
        await self._table.put(_row(DONE, _Record(erasure=erased)))
        await self._table.delete(OPEN, row.key)
        return True

    async def _people(self, record: _Record) -> list[Person]:
        plain = await self._keys.open(_OWN_KEY, record.people, record.erasure.learner)
        assert plain is not None, "the records' own key is never erased"
        return msgspec.json.decode(plain, type=list[Person])

    async def _keep(self, row: Row, erasure: Erasure, record: _Record) -> tuple[Row, _Record]:
        """Keep progress. Conflict where another instance is at it too: then it goes on there."""
        kept = replace(record, erasure=erasure)
        changed = _row(OPEN, kept)
        etag = await self._table.replace(Row(changed.partition, changed.key, changed.values, row.etag))
        return Row(changed.partition, changed.key, changed.values, etag), kept


def _row(partition: str, record: _Record) -> Row:
    return Row(partition, record.erasure.learner, {"record": msgspec.msgpack.encode(record)})


def _record(row: Row) -> _Record:
    return msgspec.msgpack.decode(bytes(row.values["record"]), type=_Record)  # type: ignore[arg-type]
