"""Handling messages of a subscription: each event once, each fault in its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from shared_code.domain.clock import Clock, parse_rfc3339
from shared_code.domain.errors import AppError, Conflict, FieldError, Invalid, TooLarge
from shared_code.domain.events.decoding import DecodedEvent, decode
from shared_code.events.dead_letters import DeadLetters, Reason
from shared_code.events.inbox import Inbox
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Handler, Received
from shared_code.events.redelivery import rest
from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent
from shared_code.storage.lake import Lake


class Consumer:
    """What every bus trigger calls. `pseudonym(tenant, subject)` names the stream of an event."""

    def __init__(
        self,
        *,
        store: EventStore,
        inbox: Inbox,
        dead_letters: DeadLetters,
        lake: Lake,
        pseudonym: Callable[[str, str], str],
        clock: Clock,
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._dead_letters = dead_letters
        self._lake = lake
        self._pseudonym = pseudonym
        self._clock = clock

    async def consume(self, message: IncomingMessage, *, topic: str, subscriber: str, handle: Handler) -> None:
        """Handle one message; when this returns, it is to be completed.

        What does not fit its schema, and what the handler rejects (an AppError that says of itself that trying again
        cannot help), goes to the dead letters with its reason. Everything else that goes wrong is raised after a rest,
        so that the bus delivers the message again.
        """
        record = _Record(self._lake, message, topic, subscriber)
        try:
            await self._settle(message, handle, record)
        except Exception:  # the outermost boundary of a trigger: whatever it was, the bus has the message again
            record.write()
            await asyncio.sleep(rest(message.delivery_count))
            raise
        record.write()

    async def _settle(self, message: IncomingMessage, handle: Handler, record: _Record) -> None:
        try:
            decoded = _fitting(message, record.topic, self._clock)
        except (Invalid, TooLarge) as fault:
            await self._give_up(message, "schema", fault, record)
            return
        stream = self._pseudonym(decoded.event.tenantid, decoded.event.subject)
        record.about(decoded, stream, self._clock)
        try:
            record.outcome = await self._once(decoded, stream, record.subscriber, handle)
        except AppError as failure:
            if failure.retryable or isinstance(failure, Conflict):  # who lost a race may win the next
                raise
            await self._give_up(message, "rejected", failure, record)

    async def _once(self, decoded: DecodedEvent, stream: str, subscriber: str, handle: Handler) -> str:
        async with self._inbox.once(subscriber, decoded.event.id) as first:
            if not first:
                return "duplicate"
            stored = await self._kept(decoded, stream)
            await handle(Received(event=stored.event, data=decoded.data, stream=stream, version=stored.version))
        return "handled"

    async def _kept(self, decoded: DecodedEvent, stream: str) -> StoredEvent:
        """The event from the store; one that another system published straight to the bus is stored first."""
        found = await self._store.find(stream, decoded.event.id)
        if found is not None:
            return found
        await self._store.correlate(stream, [decoded.event])
        (stored,) = await self._store.append(stream, [decoded.event])
        return stored

    async def _give_up(self, message: IncomingMessage, reason: Reason, failure: AppError, record: _Record) -> None:
        await self._dead_letters.send(
            message, reason=reason, description=str(failure), topic=record.topic, subscription=record.subscriber
        )
        record.outcome, record.code = f"dead-letter:{reason}", failure.code


class _Record:
    """One line of the lake's processing log."""

    def __init__(self, lake: Lake, message: IncomingMessage, topic: str, subscriber: str) -> None:
        self.topic = topic
        self.subscriber = subscriber
        self.outcome = "failed"
        self.code = ""
        self._lake = lake
        self._started = time.perf_counter()
        self._facts: dict[str, object] = {"delivery_count": message.delivery_count}

    def about(self, decoded: DecodedEvent, stream: str, clock: Clock) -> None:
        """Say which event it is, now that it is known."""
        lag = (clock() - parse_rfc3339(decoded.event.time)).total_seconds()
        self._facts |= {
            "event_id": decoded.event.id,
            "type": decoded.event.type,
            "learner": stream,
            "correlation_id": decoded.event.correlationid,
            "lag_ms": round(lag * 1000),
        }

    def write(self) -> None:
        """Write it, however the handling ended."""
        facts = {
            "topic": self.topic,
            "subscriber": self.subscriber,
            "outcome": self.outcome,
            "code": self.code,
            "ms": round((time.perf_counter() - self._started) * 1000, 3),
        }
        self._lake.write("integration", "event_bus/event_processing_logs", self._facts | facts)


def _fitting(message: IncomingMessage, topic: str, clock: Clock) -> DecodedEvent:
    decoded = decode(message.body, received_at=clock())
    if decoded.type.topic != topic:
        fault = FieldError("/type", f"'{decoded.type.name}' belongs to the topic {decoded.type.topic}")
        raise Invalid(f"{fault.pointer}: {fault.detail}", errors=[fault])
    return decoded
