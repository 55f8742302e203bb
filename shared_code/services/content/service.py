"""Finding, reading and editing content. Every edit is a fact that is published."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from shared_code.domain.clock import Clock
from shared_code.domain.errors import FieldError, Invalid, NotFound
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.content import ContentKind, ContentUpdated
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.identifiers import derived_uuid7
from shared_code.domain.principal import Principal
from shared_code.services.announced import Announced, moved_on
from shared_code.services.content.builtin import builtin
from shared_code.services.content.item import Body, Item, item_of

COMPARED = ("kind", "hanzi", "meaning", "hsk_level", "parts", "withdrawn")


class ItemPage(Struct, frozen=True, kw_only=True):
    """Items in the order of their ids; `after` asks for the next ones, null at the end."""

    items: tuple[Item, ...]
    after: str | None


class ContentService:
    """What is built in, and over it what authors have written since."""

    def __init__(self, edited: Announced[Item], clock: Clock) -> None:
        self._edited = edited
        self._clock = clock

    async def find(self, *, words: str, kind: ContentKind | None, hsk: int, after: str, limit: int) -> ItemPage:
        """Items of a kind and level (0: any) that hold these words, from behind the id `after`."""
        items = dict(await _builtin())
        async for each in self._edited.all():
            items[each.item_id] = each
        found = [
            item
            for item_id, item in sorted(items.items())
            if item_id > after
            and not item.withdrawn
            and (kind is None or item.kind == kind)
            and (not hsk or item.hsk_level == hsk)
            and (not words or item.fits(words))
        ]
        return ItemPage(items=tuple(found[:limit]), after=found[limit - 1].item_id if len(found) > limit else None)

    async def get(self, item_id: str) -> Item:
        """An item as it stands. NotFound also for one that was withdrawn."""
        item = await self._any(item_id)
        if item is None or item.withdrawn:
            raise NotFound("There is no such item.")
        return item

    async def put(
        self, author: Principal, correlation_id: str, item_id: str, body: Body, *, expected: int | None
    ) -> tuple[Item, bool]:
        """Publish an item or revise it, and say whether it is new. One that would stay the same stays.

        Conflict where it is not at the version `expected` (0: not there); Invalid for a text that cannot be read, or
        parts that are not there.
        """
        before = await self._any(item_id)
        for number, part in enumerate(body.parts):
            if await self._any(part) is None:
                raise Invalid(
                    "The body does not fit.", errors=[FieldError(f"/parts/{number}", "There is no such item.")]
                )
        version = before.version if before else 0
        if expected not in (None, version):
            raise moved_on(version)
        item = item_of(item_id, version + 1, body)
        if before is not None and not _changes(before, item):
            return before, False
        await self._keep(author, correlation_id, before, item)
        return item, before is None or before.withdrawn

    async def withdraw(self, author: Principal, correlation_id: str, item_id: str) -> None:
        """Take an item out of what learners see. NotFound where there is none."""
        before = await self.get(item_id)
        after = msgspec.structs.replace(before, version=before.version + 1, withdrawn=True)
        await self._keep(author, correlation_id, before, after)

    async def _any(self, item_id: str) -> Item | None:
        return await self._edited.get(item_id) or (await _builtin()).get(item_id)

    async def _keep(self, author: Principal, correlation_id: str, before: Item | None, item: Item) -> None:
        event = _fact(author, correlation_id, before, item, self._clock())
        await self._edited.put(item.item_id, item, event, version=item.version)


async def _builtin() -> dict[str, Item]:
    return await asyncio.to_thread(builtin)  # the first time it reads a dictionary


def _changes(before: Item | None, item: Item) -> tuple[str, ...]:
    if before is None:
        return ()
    return tuple(name for name in COMPARED if getattr(before, name) != getattr(item, name))


def _fact(author: Principal, correlation_id: str, before: Item | None, item: Item, now: datetime) -> CloudEvent:
    change: Literal["published", "revised", "withdrawn"] = "withdrawn" if item.withdrawn else "revised"
    if before is None or (before.withdrawn and not item.withdrawn):
        change = "published"
    return event_of(
        ContentUpdated(
            content_id=item.item_id,
            version=item.version,
            change=change,
            kind=item.kind,
            hsk_level=item.hsk_level,
            changed=_changes(before, item),
            effective_at=now,
        ),
        subject=item.item_id,
        tenant=author.tenant,
        correlation_id=correlation_id,
        now=now,
        event_id=derived_uuid7(now, item.item_id, str(item.version)),
    )
