"""A learner's past, page by page, the latest first."""

from __future__ import annotations

from msgspec import Struct

from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent

WINDOW = 200  # events read at a time, going back
MOST_WINDOWS = 10  # a page of rare events is cut short rather than read for long


class Past(Struct, frozen=True, kw_only=True):
    """Events of one type, the latest first; `before` continues with what came earlier, None at the beginning."""

    events: tuple[StoredEvent, ...]
    before: int | None


class History:
    """Reads streams backwards."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def page(self, person: str, event_type: str, *, before: int | None, limit: int) -> Past:
        """Up to `limit` events of a type that came before a version of the stream, or the latest ones.

        A page may be short, or empty, though there is more: `before` tells.
        """
        end = (await self._store.head(person)).version if before is None else before - 1
        found: list[StoredEvent] = []
        for _ in range(MOST_WINDOWS):
            start = max(0, end - WINDOW)
            window = [each async for each in self._store.read(person, after=start, to=end)] if end > 0 else []
            found += [each for each in reversed(window) if each.event.type == event_type and not each.erased]
            end = start
            if len(found) >= limit or end == 0:
                break
        if len(found) >= limit:
            found = found[:limit]
            end = found[-1].version - 1
        return Past(events=tuple(found), before=end + 1 if end > 0 else None)
