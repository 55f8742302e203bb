"""Publishing stored events: to their topics, a stream's in the order of its versions."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

from shared_code.domain.errors import TooLarge
from shared_code.domain.events.catalogue import find
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.bus import Bus
from shared_code.events.message import OutgoingMessage, body_of
from shared_code.events.stored import StoredEvent
from shared_code.events.timeline import Timeline
from shared_code.storage.lake import Lake


class Publication:
    """Sends events and records in the lake what became of each."""

    def __init__(self, bus: Bus, lake: Lake, timeline: Timeline) -> None:
        self._bus = bus
        self._timeline = timeline
        self._lake = lake

    async def publish(self, events: Sequence[StoredEvent], *, by: str) -> None:
        """Send the events, each topic's in the given order, and note them in the timeline.

        Raises Unavailable where bus or storage do not take them all; to publish them again is safe.

        An event that the bus will never take, or of a type that this release does not know, stays in the store alone;
        the record says `refused`. One whose learner was erased meanwhile is not sent: `erased`.
        """
        topics: defaultdict[str, list[StoredEvent]] = defaultdict(list)
        for stored in events:
            if stored.erased:
                self._record(stored, "", "erased", by, 0.0)
                continue
            kind = find(stored.event.type)
            topics[kind.topic if kind else ""].append(stored)
        for unknown in topics.pop("", []):
            self._record(unknown, "", "refused", by, 0.0)
        outcomes = await asyncio.gather(
            self._timeline.note([(stored.stream, stored.event) for stored in events]),
            *(self._send(topic, batch, by) for topic, batch in topics.items()),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _send(self, topic: str, events: Sequence[StoredEvent], by: str) -> None:
        started = time.perf_counter()
        outcome = "deferred"
        try:
            await self._bus.send(topic, [to_message(stored.event) for stored in events])
            outcome = "published"
        except TooLarge:
            outcome = "refused"
        finally:
            for stored in events:
                self._record(stored, topic, outcome, by, (time.perf_counter() - started) * 1000)

    def _record(self, stored: StoredEvent, topic: str, outcome: str, by: str, milliseconds: float) -> None:
        self._lake.write(
            "integration",
            "event_bus/event_publication_logs",
            {
                "event_id": stored.event.id,
                "type": stored.event.type,
                "topic": topic,
                "learner": stored.stream,
                "version": stored.version,
                "correlation_id": stored.event.correlationid,
                "outcome": outcome,
                "by": by,
                "ms": round(milliseconds, 3),
            },
        )


def to_message(event: CloudEvent) -> OutgoingMessage:
    """The event as a message: the learner is the session, so that one learner's events are handled in order."""
    return OutgoingMessage(
        body=body_of(event),
        message_id=event.id,
        session_id=event.subject,
        properties={"type": event.type, "correlationid": event.correlationid, "tenantid": event.tenantid},
    )
