"""The progress service: what a learner has practised, folded from the learner's stream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from shared_code.domain.clock import parse_rfc3339
from shared_code.domain.events.learning import ProgressRecorded
from shared_code.domain.events.versions import VERSIONS
from shared_code.domain.learning import analysis
from shared_code.domain.learning.progress import FOLD, Progress, record
from shared_code.events.projection import caught_up
from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent
from shared_code.storage.documents import Documents


class ProgressService:
    """One document a learner, the fold of the stream's progress events in the stream's order (docs/adr/0014)."""

    def __init__(self, documents: Documents[Progress], store: EventStore) -> None:
        self._documents = documents
        self._projection = ProgressProjection(documents)
        self._store = store

    async def catch_up(self, person: str) -> Progress:
        """Fold in what the stream has beyond the document. Safe to run twice and at the same time."""
        return await self._documents.change(person, lambda progress: self._onwards(person, progress))

    async def revert(self, person: str, event_id: str) -> None:
        """Take one event's contribution back, if it was made: compute the document anew without it."""

        async def without(progress: Progress) -> Progress:
            reverted = list(dict.fromkeys([*progress.reverted, event_id]))
            return await self._onwards(person, Progress(reverted=reverted))

        await self._documents.change(person, without)

    async def forget(self, person: str) -> None:
        """Delete the document: what is left of an erased learner's stream adds nothing to it."""
        await self._documents.delete(person)

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

    async def _onwards(self, person: str, progress: Progress) -> Progress:
        return await caught_up(self._store, self._projection, person, progress)


class ProgressProjection:
    """Progress as something to rebuild. What sagas took back does not come from the stream: it is carried over."""

    name = "progress"
    version = FOLD

    def __init__(self, documents: Documents[Progress]) -> None:
        self.live = documents

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
