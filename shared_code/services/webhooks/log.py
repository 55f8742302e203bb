"""What became of each delivery.

Table `webhookdeliveries`, a partition a webhook, in the order of the events' times: a row an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict
from shared_code.domain.events.envelope import CloudEvent
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables

State = Literal["pending", "delivered", "failed", "dropped"]


class Delivery(Struct, frozen=True, kw_only=True):
    """One event for one webhook.

    `attempts` were made; `status` is what the last one was answered (null: nothing), `failure` what was wrong with it.
    `next_at` is when a pending one is tried next. `dropped` is what is not to be delivered any more, because webhook or
    data are gone.
    """

    id: str
    event_id: str
    type: str
    state: State
    attempts: int
    status: int | None
    failure: str
    next_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Logged:
    """A delivery with what only we need: where the event is, and the row as it was read."""

    delivery: Delivery
    stream: str
    row: Row


class DeliveryLog:
    """Reads and writes. All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._table = tables.table("webhookdeliveries")
        self._clock = clock

    async def begin(self, webhook_id: str, stream: str, event: CloudEvent) -> str:
        """Note that an event is to be delivered, if it is not noted already; the delivery's id."""
        now = self._clock()
        delivery = Delivery(
            id=delivery_id_of(event), event_id=event.id, type=event.type, state="pending", attempts=0,
            status=None, failure="", next_at=now, updated_at=now,
        )  # fmt: skip
        with suppress(Conflict):  # a redelivered event: its delivery stands where it stands
            await self._table.insert(Row(webhook_id, delivery.id, {"stream": stream, "body": _encoded(delivery)}))
        return delivery.id

    async def get(self, webhook_id: str, delivery_id: str) -> Logged | None:
        """One delivery, or None."""
        row = await self._table.get(webhook_id, delivery_id)
        return _logged(row) if row is not None else None

    async def change(self, logged: Logged, **members: object) -> Delivery:
        """Write a delivery's new state. Conflict where somebody else has written it since."""
        changed = msgspec.structs.replace(logged.delivery, updated_at=self._clock(), **members)
        values: Mapping[str, str | int | float | bool | bytes] = {**logged.row.values, "body": _encoded(changed)}
        await self._table.replace(Row(logged.row.partition, logged.row.key, values, logged.row.etag))
        return changed

    async def page(self, webhook_id: str, *, after: str, limit: int, state: str = "") -> list[Delivery]:
        """Deliveries after the id `after`, in the order of the events' times."""
        found: list[Delivery] = []
        async for row in self._table.rows(webhook_id, start=after + " " if after else ""):
            delivery = _logged(row).delivery
            if state in ("", delivery.state):
                found.append(delivery)
            if len(found) == limit:
                break
        return found

    async def forget(self, webhook_id: str) -> None:
        """Delete a webhook's deliveries. What a crash leaves of them goes when it is old, like others' (retention)."""
        async for row in self._table.rows(webhook_id):
            await self._table.delete(webhook_id, row.key)


def delivery_id_of(event: CloudEvent) -> str:
    """What an event's delivery is called, whichever webhook it is for."""
    return f"{event.time}|{event.id}"


def _encoded(delivery: Delivery) -> str:
    return msgspec.json.encode(delivery).decode()


def _logged(row: Row) -> Logged:
    delivery = msgspec.json.decode(str(row.values["body"]), type=Delivery)
    return Logged(delivery, str(row.values["stream"]), row)
