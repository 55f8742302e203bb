"""Who wants which events, and where.

Table `webhooks`, a partition a tenant: a row a subscription. Its secrets are sealed under a key of its own, which goes
with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.identifiers import uuid7
from shared_code.services.webhooks.signing import new_secret
from shared_code.storage.rows import Row, Value
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Tables

MOST = 20  # of a tenant
OVERLAP = timedelta(hours=24)  # for which an old secret still signs beside the new one
VIEW = 10.0  # seconds after which a process asks again who wants a tenant's events


class Wish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a subscriber may say. `types` are names of event types; a webhook that is not `active` gets nothing."""

    url: Annotated[str, Meta(min_length=1, max_length=500)]
    types: Annotated[tuple[str, ...], Meta(min_length=1, max_length=50)]
    description: Annotated[str, Meta(max_length=200)] = ""
    active: bool = True


class Subscription(Wish, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """One webhook of a tenant."""

    id: str
    tenant: str
    created_at: datetime


class _Secret(Struct, frozen=True):
    key: str
    until: datetime | None = None


class Subscriptions:
    """The webhooks. All methods raise Unavailable when storage cannot answer; a wrong id is NotFound."""

    def __init__(
        self, tables: Tables, keys: LearnerKeys, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = tables.table("webhooks")
        self._keys = keys
        self._clock = clock
        self._monotonic = monotonic
        self._views: dict[str, tuple[float, list[Subscription]]] = {}

    async def create(self, tenant: str, wish: Wish) -> tuple[Subscription, str]:
        """A new webhook and its secret, which is not shown again. Conflict where the tenant has MOST already."""
        if len(await self.of_tenant(tenant)) >= MOST:
            raise Conflict(f"There are {MOST} webhooks already.", code="too-many-webhooks")
        now = self._clock()
        made = Subscription(**msgspec.structs.asdict(wish), id=uuid7(now), tenant=tenant, created_at=now)
        secret = new_secret()
        await self._table.insert(Row(tenant, made.id, _values(made) | await self._sealed(made.id, [_Secret(secret)])))
        self._views.pop(tenant, None)
        return made, secret

    async def of_tenant(self, tenant: str) -> list[Subscription]:
        """The tenant's webhooks, the oldest first."""
        return [_read(row) async for row in self._table.rows(tenant)]

    async def wanting(self, tenant: str, event_type: str) -> list[Subscription]:
        """Who wants events of this type. A change is heard of within VIEW seconds."""
        asked_at, found = self._views.get(tenant, (-VIEW, []))
        if self._monotonic() - asked_at >= VIEW:
            asked_at, found = self._monotonic(), await self.of_tenant(tenant)
            self._views[tenant] = asked_at, found
        return [each for each in found if each.active and event_type in each.types]

    async def get(self, tenant: str, webhook_id: str) -> Subscription:
        """One webhook."""
        return _read(await self._row(tenant, webhook_id))

    async def change(self, tenant: str, webhook_id: str, wish: Wish) -> Subscription:
        """Say anew what a subscriber may say. Conflict where somebody else changes the webhook at this moment."""
        row = await self._row(tenant, webhook_id)
        changed = msgspec.structs.replace(_read(row), **msgspec.structs.asdict(wish))
        await self._table.replace(Row(row.partition, row.key, {**row.values, **_values(changed)}, row.etag))
        self._views.pop(tenant, None)
        return changed

    async def delete(self, tenant: str, webhook_id: str) -> None:
        """Forget a webhook and its secret."""
        await self._row(tenant, webhook_id)
        await self._table.delete(tenant, webhook_id)
        await self._keys.erase(_key_name(webhook_id))
        self._views.pop(tenant, None)

    async def renew_secret(self, tenant: str, webhook_id: str) -> str:
        """Another secret; the old one signs beside it for OVERLAP.

        Conflict where somebody else changes the webhook at this moment: a secret that was handed out counts.
        """
        row = await self._row(tenant, webhook_id)
        old = await self._secrets(row)
        secret = new_secret()
        sealed = await self._sealed(webhook_id, [_Secret(secret), _Secret(old[0].key, self._clock() + OVERLAP)])
        await self._table.replace(Row(tenant, webhook_id, {**row.values, **sealed}, row.etag))
        return secret

    async def signing_keys(self, subscription: Subscription) -> list[str]:
        """The secrets that sign now, the newest first."""
        now = self._clock()
        found = await self._secrets(await self._row(subscription.tenant, subscription.id))
        return [secret.key for secret in found if secret.until is None or now < secret.until]

    async def _secrets(self, row: Row) -> list[_Secret]:
        sealed = row.values["secrets"]
        assert isinstance(sealed, bytes)
        plain = await self._keys.open(_key_name(row.key), sealed, _place(row.key))
        if plain is None:  # deleted at this moment
            raise NotFound("There is no such webhook.")
        return msgspec.json.decode(plain, type=list[_Secret])

    async def _sealed(self, webhook_id: str, secrets: list[_Secret]) -> dict[str, Value]:
        plain = msgspec.json.encode(secrets)
        return {"secrets": await self._keys.seal(_key_name(webhook_id), plain, _place(webhook_id))}

    async def _row(self, tenant: str, webhook_id: str) -> Row:
        row = await self._table.get(tenant, webhook_id)
        if row is None:
            raise NotFound("There is no such webhook.")
        return row


def _values(subscription: Subscription) -> dict[str, Value]:
    return {"body": msgspec.json.encode(subscription).decode()}


def _read(row: Row) -> Subscription:
    return msgspec.json.decode(str(row.values["body"]), type=Subscription)


def _key_name(webhook_id: str) -> str:
    return f"webhook-{webhook_id}"


def _place(webhook_id: str) -> str:
    return f"webhooks/{webhook_id}/secrets"
