"""Rebuilding one learner's document of a projection: beside the live one, compared with it, swapped in whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared_code.events.event_source import BROKEN, EventsMissing, EventSource
from shared_code.events.projection import Projection, caught_up
from shared_code.events.store import EventStore

MOST_PLACES = 50


class Difference(Struct, frozen=True, kw_only=True):
    """How a rebuilt document differs from the live one: the JSON Pointers of the first places, not what is there."""

    learner: str
    places: tuple[str, ...]


class NotComparable(Struct, frozen=True, kw_only=True):
    """A learner whose stream, or one of whose documents, cannot be read: somebody changed it, or it is not there."""

    learner: str
    code: str


class Comparison(Struct, frozen=True, kw_only=True):
    """How many of a page of learners were compared, and those whose rebuilt document differs from the live one.

    `places` are the JSON Pointers of what differs, at most 50 of a learner. `not_comparable` are those of the page
    whose stream or document is broken. `next` is the `after` of the next page.
    """

    compared: int
    differences: tuple[Difference, ...]
    not_comparable: tuple[NotComparable, ...]
    next: str | None


class Rebuild:
    """One projection's documents of one rebuilding, from a source of events. Every step may be run twice."""

    def __init__(self, store: EventStore, projection: Projection, rebuild: str, source: EventSource | None = None):
        self._store = store
        self._source = source or store
        self._projection = projection
        self._live = projection.live
        self._beside = projection.beside(rebuild)

    async def build(self, stream: str, tenant: str) -> int | None:
        """Fold the whole stream into a new document; how many events. None where it is another tenant's, or empty.

        Raises EventsMissing where the source has not all of it.
        """
        live = await self._live.load(stream)
        document, events = self._projection.begin(live), 0
        async for stored in self._source.read(stream):
            if stored.event.tenantid != tenant:
                return None
            if stored.version != events + 1:
                raise EventsMissing(f"version {events + 1} is missing")
            self._projection.fold(document, stored)
            events += 1
        if replace(document, position=0) == self._projection.begin(live) and live == type(live)():
            return None  # nothing in the stream concerns this projection
        await self._beside.put(stream, document)
        return events

    async def swap(self, stream: str) -> None:
        """Put the new document in the place of the live one, with what has happened meanwhile.

        The live one may change until then, which is seen by its ETag; whoever changes it afterwards goes on from the
        new one. What has been taken back meanwhile is not in the new one: then it is folded anew.
        """

        async def whole(live: Any) -> Any:
            document, begun = await self._beside.load(stream), self._projection.begin(live)
            if self._projection.begin(document) != begun:
                document = begun
            for source in dict.fromkeys((self._source, self._store)):  # an archive may be a minute behind the store
                document = await caught_up(source, self._projection, stream, document)
            return document

        await self._live.change(stream, whole)
        if self._projection.snapshots is not None:  # they are of the document that had to be rebuilt
            await self._projection.snapshots.forget(stream)
        await self._beside.delete(stream)

    async def give_up(self, stream: str) -> None:
        """Delete what was built of a stream; the live document stays."""
        await self._beside.delete(stream)

    async def compare(self, stream: str) -> Difference | None:
        """How the new document differs from the live one, both brought to the same event; None where it does not.

        Raises one of BROKEN.
        """
        live, document = await self._live.load(stream), await self._beside.load(stream)
        to = max(live.position, document.position)
        live, document = [
            await caught_up(self._store, self._projection, stream, each, to=to) for each in (live, document)
        ]
        if msgspec.json.encode(live) == msgspec.json.encode(document):
            return None
        places = tuple(_places(msgspec.to_builtins(live), msgspec.to_builtins(document), ""))
        return Difference(learner=stream, places=places[:MOST_PLACES])

    async def comparison(self, *, after: str = "", limit: int) -> Comparison:
        """Compare the documents of so many learners, after this one."""
        differences: list[Difference] = []
        broken: list[NotComparable] = []
        seen, last, more = 0, "", False
        async for stream in self.built(after=after):
            if more := seen == limit:
                break
            try:
                difference = await self.compare(stream)
                differences += [difference] if difference is not None else []
            except BROKEN as failure:
                broken.append(NotComparable(learner=stream, code=failure.code))
            seen, last = seen + 1, stream
        return Comparison(
            compared=seen - len(broken),
            differences=tuple(differences),
            not_comparable=tuple(broken),
            next=last if more else None,
        )

    def built(self, *, after: str = "") -> AsyncIterator[str]:
        """The streams whose new documents wait, in order, after this one."""
        return self._beside.learners(after=after)

    async def forget(self) -> None:
        """Delete what was built and will not be swapped in."""
        async for stream in self.built():
            await self.give_up(stream)


def _places(one: Any, other: Any, at: str) -> list[str]:
    """JSON Pointers (RFC 6901) of the innermost places that differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        steps: list[Any] = list(dict.fromkeys([*one, *other]))
        pairs = [(step, one.get(step), other.get(step)) for step in steps]
        if not any(before != after for _, before, after in pairs):
            return [at] if list(one) != list(other) else []  # the same members in another order are other bytes
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(place, *both) for place, both in enumerate(zip(one, other, strict=True))]
    else:
        return [at or "/"] if one != other else []
    found = []
    for step, before, after in pairs:
        escaped = str(step).replace("~", "~0").replace("/", "~1")
        found += _places(before, after, f"{at}/{escaped}")
    return found
