"""What operators did: who, what, to what, when, under which correlation id, and how it ended.

Table `actions`, a partition a tenant and day, in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.identifiers import uuid7
from shared_code.domain.paging import day_of
from shared_code.domain.principal import Principal
from shared_code.storage.rows import Row, Value
from shared_code.storage.tables import Table

PERSON = "learner_id"  # the path parameter that names a person


class Action(Struct, frozen=True, kw_only=True):
    """One action. `status` is the answer's, null for one that a crash cut off; a learner in `target` is a pseudonym."""

    time: datetime
    actor: str
    action: str
    target: dict[str, str]
    correlation_id: str
    status: int | None


class ActionPage(Struct, frozen=True):
    """A page of actions in order of time. `next` is the `after` of the next page, null on the last one."""

    actions: tuple[Action, ...]
    next: str | None


class OperatorActions:
    """The trail. `pseudonym(tenant, person)` is what people are called in it. All methods raise Unavailable."""

    def __init__(self, table: Table, pseudonym: Callable[[str, str], str], clock: Clock) -> None:
        self._table = table
        self._pseudonym = pseudonym
        self._clock = clock

    async def begin(self, actor: Principal, action: str, target: Mapping[str, str], correlation_id: str) -> Row:
        """Put on record that the actor is about to do this; the record, for `end`.

        A person in the target is one of its `tenant`, the actor's own where it names none.
        """
        now = self._clock()
        key = f"{rfc3339(now)}|{uuid7(now)}"
        values: dict[str, Value] = {
            "actor": actor.id,
            "action": action,
            "target": msgspec.json.encode(self._nameless(actor.tenant, target)).decode(),
            "correlation_id": correlation_id,
        }
        record = Row(f"{actor.tenant}|{key[:10]}", key, values)
        await self._table.put(record)  # no other has its key, but the same request may be heard twice
        return record

    async def end(self, record: Row, status: int) -> None:
        """Add how it ended."""
        await self._table.put(replace(record, values={**record.values, "status": status}))

    async def between(self, tenant: str, start: datetime, end: datetime, *, after: str, limit: int) -> ActionPage:
        """Actions of operators of this tenant from `start` up to but without `end`, after the key `after`.

        Raises BadRequest for what is no key.
        """
        first, last = max(rfc3339(start), after + " "), rfc3339(end)
        found: list[Row] = []
        day = day_of(first)
        while day.isoformat() <= last[:10] and len(found) <= limit:
            rows = self._table.rows(f"{tenant}|{day.isoformat()}", start=first, end=last, limit=limit + 1)
            found += [row async for row in rows]
            day += timedelta(days=1)
        page = found[:limit]
        return ActionPage(tuple(map(_action, page)), page[-1].key if len(found) > limit else None)

    def _nameless(self, tenant: str, target: Mapping[str, str]) -> dict[str, str]:
        of = target.get("tenant", tenant)
        return {name: self._pseudonym(of, value) if name == PERSON else value for name, value in target.items()}


def _action(row: Row) -> Action:
    status = row.values.get("status")
    return Action(
        time=parse_rfc3339(row.key.partition("|")[0]),
        actor=str(row.values["actor"]),
        action=str(row.values["action"]),
        target=msgspec.json.decode(str(row.values["target"]), type=dict[str, str]),
        correlation_id=str(row.values["correlation_id"]),
        status=int(status) if status is not None else None,
    )
