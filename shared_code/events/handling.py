"""What is the same for an event that comes from the bus and for one that was parked: stored, then handled once."""

from __future__ import annotations

import asyncio
from datetime import datetime

from shared_code.domain.errors import FieldError, Invalid
from shared_code.domain.events.decoding import DecodedEvent
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.personal import without_personal
from shared_code.domain.side_effects import latch
from shared_code.events.consents import ConsentRecord
from shared_code.events.inbox import Inbox
from shared_code.events.received import Handler, Received
from shared_code.events.redelivery import at_once
from shared_code.events.store import WITHDRAWN, EventStore, Withdrawn
from shared_code.events.stored import StoredEvent
from shared_code.events.timeline import Timeline
from shared_code.storage.sealing.learner_keys import LearnerKeys


class Handling:
    """The event store before the handler, and the inbox around it."""

    def __init__(
        self, store: EventStore, inbox: Inbox, timeline: Timeline, consents: ConsentRecord, keys: LearnerKeys
    ) -> None:
        self._store = store
        self._timeline = timeline
        self._inbox = inbox
        self._consents = consents
        self._keys = keys

    async def permitted(self, event: CloudEvent, stream: str, subscriber: str) -> bool:
        """Whether the learner lets the subscriber have this event: as of now, not as of its publication."""
        return await self._consents.permit(stream, event.type, subscriber)

    async def kept(self, decoded: DecodedEvent, stream: str, enqueued_at: datetime | None = None) -> StoredEvent:
        """The event from the store; one that another system published straight to the bus is stored first.

        One that has been on the bus since before its learner was erased is not stored any more. Raises Invalid for one
        that refers to data which is not there.
        """
        found = await self._store.find(stream, decoded.event.id)
        return found if found is not None else await self._stored(decoded, stream, enqueued_at)

    async def keep(self, decoded: DecodedEvent, stream: str, enqueued_at: datetime | None = None) -> str:
        """The same for a subscriber that only wants the event in its stream: its own row there is the mark.

        `handled` where it came there just now, `kept` where it was there before, `erased`. Raises Invalid as `kept`.
        """
        versions = await self._store.versions(stream, [decoded.event.id])
        if versions.get(decoded.event.id, WITHDRAWN) > WITHDRAWN:
            return "kept"
        return "erased" if (await self._stored(decoded, stream, enqueued_at)).erased else "handled"

    async def _stored(self, decoded: DecodedEvent, stream: str, enqueued_at: datetime | None) -> StoredEvent:
        if decoded.data is None:
            fault = FieldError("/dataref", "refers to nothing that is here")
            raise Invalid(f"{fault.pointer}: {fault.detail}", errors=[fault])
        event = decoded.event
        if await self._keys.erased_since(stream, enqueued_at):
            gone = without_personal(event)
            return StoredEvent(stream=stream, version=0, event=gone, recorded_at="", erased=True)
        await asyncio.gather(self._store.announce(stream, [event]), self._timeline.note([(stream, event)]))
        try:
            (stored,) = await self._store.append(stream, [event])
        except Withdrawn:
            # It was to come over HTTP, in a process that died over it, and was given up on; its sender did not give up.
            await self._store.reclaim(stream, [event.id])
            await self._store.announce(stream, [event])
            (stored,) = await self._store.append(stream, [event])
        return stored

    async def once(self, received: Received, subscriber: str, handle: Handler | None) -> str:
        """Handle an event, at once again while its failure may pass: `handled`, or `duplicate` if it was before.

        A replay hands events over that were handled long ago: it has marks of its own. Without a handler the event only
        had to be kept, and is.
        """
        if handle is None:
            return "kept"
        replay = received.delivery.replay
        marks = f"{subscriber}#{replay}" if replay else subscriber
        async with self._inbox.once(marks, received.event.id) as first:
            if not first:
                return "duplicate"
            with latch(received.delivery.quiet):
                await at_once(lambda: handle(received))
        return "handled"
