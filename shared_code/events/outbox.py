"""From the notes to the bus: what is stored and not yet published, in each stream's order."""

from __future__ import annotations

from collections.abc import Sequence

from shared_code.domain.errors import Conflict
from shared_code.events.pending import Note, Pending
from shared_code.events.publication import Publication
from shared_code.events.store import WITHDRAWN, EventStore
from shared_code.events.stored import StoredEvent

MOST_AT_ONCE = 500  # events of one stream in one go


class Outbox:
    """The stored event is the outbox: a note says that a stream has events to publish, the stream has the events."""

    def __init__(self, store: EventStore, pending: Pending, publication: Publication) -> None:
        self._store = store
        self._pending = pending
        self._publication = publication

    async def publish(self, stream: str, notes: Sequence[Note], *, up_to: int | None = None, by: str) -> int:
        """Publish what these notes of one stream stand for, in the stream's order, and clear them; how many events.

        Notes of appends that have not happened (yet) are left alone, as are events beyond version `up_to`: whoever
        appends them publishes them. Raises Unavailable where the bus does not take them; nothing is cleared then.
        """
        versions = await self._store.versions(stream, [event_id for note in notes for event_id in note.event_ids])
        due = [note for note in notes if _appended(note, versions, up_to)]
        wanted = {versions[event_id] for note in due for event_id in note.event_ids}
        events = await self._load(stream, wanted)
        await self._publication.publish(events, by=by)
        sent = {each.event.id for each in events}
        for note in due:
            if sent.issuperset(note.event_ids):
                await self._pending.clear(note)
        return len(events)

    async def give_up(self, note: Note) -> bool:
        """Withdraw an append that was noted long ago and has not happened; False where it has after all."""
        versions = await self._store.versions(note.stream, note.event_ids)
        missing = [event_id for event_id in note.event_ids if event_id not in versions]
        if missing:
            try:
                await self._store.withdraw(note.stream, missing)
            except Conflict:
                return False
        elif all(version > WITHDRAWN for version in versions.values()):
            return False
        await self._pending.clear(note)
        return True

    async def _load(self, stream: str, versions: set[int]) -> list[StoredEvent]:
        """The events of these versions in order, as many as go at once. They lie close together."""
        chosen = sorted(versions)[:MOST_AT_ONCE]
        if not chosen:
            return []
        found = self._store.read(stream, after=chosen[0] - 1, to=chosen[-1])
        return [stored async for stored in found if stored.version in versions]


def _appended(note: Note, versions: dict[str, int], up_to: int | None) -> bool:
    """Whether all the note's events are in the stream, none beyond `up_to`."""
    found = [versions.get(event_id, WITHDRAWN) for event_id in note.event_ids]
    return all(version > WITHDRAWN and (up_to is None or version <= up_to) for version in found)
