"""Recording facts: noted, stored, published, and the note cleared. Whatever a crash leaves, the sweeper finishes."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Sequence
from contextlib import suppress

from shared_code.domain.errors import AppError
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.outbox import Outbox
from shared_code.events.pending import Note, Pending
from shared_code.events.publication import Publication
from shared_code.events.store import EventStore, Withdrawn
from shared_code.events.stored import StoredEvent
from shared_code.resilience.recent import Recent
from shared_code.storage.rows import Change

log = logging.getLogger(__name__)

MOST_NOTES = 10  # of one stream; a longer backlog is the sweeper's work, not a caller's
STREAMS_REMEMBERED = 2000


class Journal:
    """How use cases state facts. Once `record` has returned, the facts are stored and will be published."""

    def __init__(self, store: EventStore, pending: Pending, outbox: Outbox, publication: Publication) -> None:
        self._store = store
        self._pending = pending
        self._outbox = outbox
        self._publication = publication
        # Facts of one stream take turns within this process; other processes are kept apart by the head's etag.
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._published: Recent[str, int] = Recent(STREAMS_REMEMBERED)  # up to which version, that this process knows

    async def record(
        self,
        stream: str,
        events: Sequence[CloudEvent],
        *,
        expected_version: int | None = None,
        beside: Change | None = None,
    ) -> list[StoredEvent]:
        """Store up to 49 events in one transaction and publish them; they come back with their versions.

        `beside` is written with them, as EventStore.append says.

        Events whose ids are in the stream already are not stored a second time, so a step may run twice. Raises
        Conflict where the stream is not at `expected_version`, Unavailable where storage does not answer. An outage of
        Service Bus is no failure: the events go out when it is back.
        """
        if not events:
            return []
        turn = self._turns.setdefault(stream, asyncio.Lock())
        async with turn:
            try:
                return await self._record(stream, events, expected_version, beside)
            except Withdrawn:
                # The process stood still between note and append, for so long that the sweeper gave up on it.
                await self._store.reclaim(stream, [event.id for event in events])
                return await self._record(stream, events, expected_version, beside)

    async def _record(
        self, stream: str, events: Sequence[CloudEvent], expected_version: int | None, beside: Change | None
    ) -> list[StoredEvent]:
        note, _ = await asyncio.gather(
            self._pending.note(stream, [event.id for event in events]), self._store.announce(stream, events)
        )
        try:
            stored = await self._store.append(stream, events, expected_version=expected_version, beside=beside)
        except AppError as failure:
            if not failure.retryable or isinstance(failure, Withdrawn):  # so it is certain that nothing was appended
                with suppress(AppError):
                    await self._pending.clear(note)
            raise
        try:
            await self._publish(note, stored)
        except AppError as failure:  # they are stored: the sweeper publishes them, and the caller need not wait
            log.warning("events.publish_deferred", extra={"learner": stream, "code": failure.code})
        return stored

    async def _publish(self, note: Note, stored: list[StoredEvent]) -> None:
        """Publish what was appended, after all that comes before it in the stream, and clear the note."""
        stream, before = note.stream, stored[0].version - 1
        if before != 0 and before != self._published.get(stream):
            # Somebody else's facts come before ours. They are published, or noted: notes are written first of all.
            notes = await self._pending.of_stream(stream)
            if len(notes) > MOST_NOTES:
                log.warning("events.publish_left_to_sweeper", extra={"learner": stream, "notes": len(notes)})
                return
            if len(notes) > 1:
                await self._outbox.publish(stream, notes, up_to=stored[-1].version, by="journal")
                self._published.set(stream, stored[-1].version)
                return
        await self._publication.publish(stored, by="journal")
        self._published.set(stream, stored[-1].version)
        await self._pending.clear(note)
