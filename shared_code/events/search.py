"""Who did what, when, and through which request: stored events found again, a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from shared_code.domain.clock import parse_rfc3339
from shared_code.domain.paging import number_of
from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent
from shared_code.events.timeline import Place, Timeline

MOST_LOOKED_AT = 1000  # stored events for one page; where few of them count, a page may be short
MOST_OF_A_CORRELATION = 5000  # appends
AT_ONCE = 25  # events that are fetched one beside the other, each a few requests to storage


@dataclass(frozen=True, slots=True)
class Page:
    """Some events in order, and where the next page begins; None after the last one."""

    events: list[StoredEvent]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events count: those of tenants that `sees` allows, from `start` up to but without `end`."""

    sees: Callable[[str], bool]
    type: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def __contains__(self, stored: StoredEvent) -> bool:
        event = stored.event
        if not self.sees(event.tenantid) or self.type not in ("", event.type):
            return False
        if self.start is None and self.end is None:
            return True
        moment = parse_rfc3339(event.time)
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)


class EventSearch:
    """Reads the store and its indexes. A page says after which key the next one begins: opaque to who asks.

    All methods raise BadRequest for an `after` that no page said.
    """

    def __init__(self, store: EventStore, timeline: Timeline) -> None:
        self._store = store
        self._timeline = timeline

    async def of_correlation(self, correlation_id: str, wanted: Wanted, *, after: str, limit: int) -> Page:
        """Everything that one request or event led to, in the order of time: the tree is in the causation ids."""
        place = number_of(after)
        every = await self._store.by_correlation(correlation_id, limit=MOST_OF_A_CORRELATION)
        events = [stored for stored in every if stored in wanted][place : place + limit + 1]
        return Page(events[:limit], str(place + limit) if len(events) > limit else None)

    async def of_stream(self, stream: str, wanted: Wanted, *, after: str, limit: int) -> Page:
        """Events of one learner or content item, in the order in which they happened to it."""
        version = number_of(after)

        async def found() -> AsyncIterator[tuple[str, StoredEvent]]:
            async for stored in self._store.read(stream, after=version):
                yield str(stored.version), stored

        return await _page(found(), wanted, limit)

    async def of_type(self, event_type: str, wanted: Wanted, *, after: str, limit: int) -> Page:
        """Events of one type in the order of their times. `wanted` has a start and an end."""
        assert wanted.start is not None
        assert wanted.end is not None
        places = self._timeline.between(event_type, wanted.start, wanted.end, after=after)

        async def found() -> AsyncIterator[tuple[str, StoredEvent]]:
            async for some in _batches(places):
                events = await asyncio.gather(*(self._store.find(place.stream, place.event_id) for place in some))
                for place, stored in zip(some, events, strict=True):
                    if stored is not None:
                        yield place.key, stored

        return await _page(found(), wanted, limit)


async def _batches(places: AsyncIterator[Place]) -> AsyncIterator[list[Place]]:
    some: list[Place] = []
    async for place in places:
        some.append(place)
        if len(some) == AT_ONCE:
            yield some
            some = []
    yield some


async def _page(found: AsyncIterator[tuple[str, StoredEvent]], wanted: Wanted, limit: int) -> Page:
    events: list[StoredEvent] = []
    last, looked_at = "", 0
    async for key, stored in found:
        if len(events) == limit or looked_at == MOST_LOOKED_AT:
            return Page(events, last)
        last, looked_at = key, looked_at + 1
        if stored in wanted:
            events.append(stored)
    return Page(events, None)
