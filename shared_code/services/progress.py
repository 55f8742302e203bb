"""The progress service: what a learner has practised, folded from the learner's stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from shared_code.domain.clock import parse_rfc3339
from shared_code.domain.events.learning import ProgressRecorded
from shared_code.domain.events.versions import VERSIONS
from shared_code.domain.learning import analysis
from shared_code.domain.learning.progress import FOLD, Progress, record
from shared_code.events.projection import caught_up
from shared_code.events.snapshots import EVERY, Snapshots
from shared_code.events.store import WITHDRAWN, EventStore
from shared_code.events.stored import StoredEvent
from shared_code.storage.documents import Documents


class ProgressService:
    """One document a learner, the fold of the stream's progress events in the stream's order (docs/adr/0014)."""

    def __init__(self, documents: Documents[Progress], store: EventStore, *, snapshot_every: int = EVERY) -> None:
        self._documents = documents
        self._projection = ProgressProjection(documents, snapshot_every=snapshot_every)
        self._snapshots = self._projection.snapshots
        self._store = store

    async def catch_up(self, person: str) -> Progress:
        """Fold in what the stream has beyond the document. Safe to run twice and at the same time."""

        async def as_it_is(progress: Progress) -> Progress:
            return progress

        return await self._change(person, as_it_is)

    async def revert(self, person: str, event_id: str) -> None:
        """Take one event's contribution back, if it was made: compute the document anew without it.

        It begins with the latest snapshot from before everything that has been taken back since.
        """

        async def without(progress: Progress) -> Progress:
            reverted = list(dict.fromkeys([*progress.reverted, event_id]))
            return await self._before(person, reverted)

        await self._change(person, without)

    async def forget(self, person: str) -> None:
        """Delete the document: what is left of an erased learner's stream adds nothing to it."""
        await self._documents.delete(person)
        await self._snapshots.forget(person)

    async def view(self, person: str) -> dict[str, Any]:
        """A learner's progress as the learner sees it."""
        progress = await self._documents.load(person)
        shown: dict[str, Any] = msgspec.to_builtins(analysis.analyse(progress))
        shown["items"] = [
            {
                "hanzi": item.hanzi,
                "pinyin": item.pinyin,
                "tone": item.tone,
                "attempts": item.attempts,
                "errors": item.errors,
                "last_score": item.last_quality,
                "due": item.card["due"] if item.card else None,
            }
            for item in progress.items.values()
        ]
        shown["perfect_tones"] = sorted(int(tone) for tone in progress.perfect_tones)
        return shown

    async def _change(self, person: str, begin: Callable[[Progress], Awaitable[Progress]]) -> Progress:
        """Go on from a document to the stream's end, and keep what comes of it."""
        since = 0

        async def onwards(live: Progress) -> Progress:
            nonlocal since
            progress = await begin(live)
            since = progress.position
            return await caught_up(self._store, self._projection, person, progress)

        progress = await self._documents.change(person, onwards)
        await self._snapshots.keep(person, progress, since=since)
        return progress

    async def _before(self, person: str, reverted: list[str]) -> Progress:
        """The latest state in which none of these events counts, or the beginning."""
        snapshots: list[Progress] = await self._snapshots.of(person)
        for snapshot in snapshots:
            later = await self._store.versions(person, [each for each in reverted if each not in snapshot.reverted])
            if set(snapshot.reverted) <= set(reverted) and all(
                version > snapshot.position for version in later.values() if version > WITHDRAWN
            ):
                return replace(snapshot, reverted=reverted)
        return Progress(reverted=reverted)


class ProgressProjection:
    """Progress as something to rebuild. What sagas took back does not come from the stream: it is carried over."""

    name = "progress"
    version = FOLD

    def __init__(self, documents: Documents[Progress], *, snapshot_every: int = EVERY) -> None:
        self.live = documents
        self.snapshots = Snapshots(documents, self.name, every=snapshot_every)

    def beside(self, rebuild: str) -> Documents[Progress]:
        """The documents of one rebuilding."""
        return self.live.beside(f"rebuilt-{self.name}-{rebuild}")

    def begin(self, live: Progress) -> Progress:
        """Nothing practised yet, the same taken back."""
        return Progress(reverted=list(live.reverted))

    def fold(self, document: Progress, stored: StoredEvent) -> None:
        """Fold one event in: the next one, whatever it is about."""
        if VERSIONS.carries(stored.event, ProgressRecorded) and not stored.erased:
            data = VERSIONS.read(stored.event)
            assert isinstance(data, ProgressRecorded)
            record(document, stored.event.id, data, _moment(stored, data.occurred_at))
        document.position = stored.version


def _moment(stored: StoredEvent, occurred: datetime | None) -> datetime:
    """When it was practised, in UTC. What lies ahead of its recording, or off the calendar, counts as of then.

    Other systems write these times, and one that spaced repetition cannot reckon with would hold up the whole stream.
    """
    recorded = parse_rfc3339(stored.recorded_at)
    try:
        moment = occurred.astimezone(UTC) if occurred else parse_rfc3339(stored.event.time)
    except OverflowError:
        return recorded
    return min(moment, recorded)
