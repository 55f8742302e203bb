"""Handling messages of a subscription: each event once, each learner's in order, each fault in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError, FieldError, Invalid, TooLarge
from shared_code.domain.events.decoding import DecodedEvent, decode
from shared_code.domain.events.versions import VERSIONS
from shared_code.events.dead_letters import DeadLetters
from shared_code.events.delivery import FIRST_TIME, Delivery
from shared_code.events.handling import Handling
from shared_code.events.letter import Reason
from shared_code.events.line import Line
from shared_code.events.message import IncomingMessage
from shared_code.events.parking import Parked, Parking
from shared_code.events.processing_log import ProcessingRecord, failure_code
from shared_code.events.received import Handler, Received
from shared_code.events.redeliveries import Redeliveries
from shared_code.events.redelivery import DELAYS, may_pass, rest
from shared_code.storage.lake import Lake


class Consumer:
    """What every bus trigger calls. `pseudonym(tenant, subject)` names the stream of an event."""

    def __init__(
        self,
        *,
        handling: Handling,
        parking: Parking,
        redeliveries: Redeliveries,
        dead_letters: DeadLetters,
        lake: Lake,
        pseudonym: Callable[[str, str], str],
        clock: Clock,
    ) -> None:
        self._handling = handling
        self._parking = parking
        self._redeliveries = redeliveries
        self._dead_letters = dead_letters
        self._lake = lake
        self._pseudonym = pseudonym
        self._clock = clock

    async def consume(
        self,
        message: IncomingMessage,
        *,
        topic: str,
        subscriber: str,
        handle: Handler | None,
        delivery: Delivery = FIRST_TIME,
    ) -> None:
        """Handle one message; when this returns, it is to be completed. Without a handler the event is only kept.

        What does not fit its schema, and what the handler rejects (an AppError that says of itself that trying again
        cannot help), goes to the dead letters with its reason. What may pass is parked, and the learner's later events
        behind it, so that nobody waits here. Where even that cannot be done, because storage or the bus is down, the
        failure is raised after a rest, so that the bus delivers the message again.
        """
        record = ProcessingRecord(self._lake, topic=topic, subscriber=subscriber, delivery_count=message.delivery_count)
        try:
            await self._settle(message, handle, record, delivery)
        except Exception:  # the outermost boundary of a trigger: whatever it was, the bus has the message again
            record.write()
            await asyncio.sleep(rest(message.delivery_count))
            raise
        record.write()

    async def _settle(
        self, message: IncomingMessage, handle: Handler | None, record: ProcessingRecord, delivery: Delivery
    ) -> None:
        try:
            decoded = fitting(message.body, record.topic, self._clock)
        except (Invalid, TooLarge) as fault:
            await self._give_up(message, "schema", fault, record, delivery)
            return
        line = Line(record.topic, record.subscriber, self._pseudonym(decoded.event.tenantid, decoded.event.subject))
        record.about(decoded.event, line, delivery, self._clock)
        if not await self._handling.permitted(decoded.event, line.stream, record.subscriber):
            record.outcome = "no-consent"
            return
        try:
            if handle is None:
                record.outcome = await self._handling.keep(decoded, line.stream, message.enqueued_at)
                return
            head, stored = await asyncio.gather(
                self._parking.head(line), self._handling.kept(decoded, line.stream, message.enqueued_at)
            )
        except AppError as failure:
            if may_pass(failure):
                raise
            await self._give_up(message, "rejected", failure, record, delivery)
            return
        if stored.erased:
            record.outcome = "erased"
            return
        parked = Parked(
            event_id=stored.event.id,
            version=stored.version,
            delivery=delivery,
            body=b"" if message.body == stored.event.encode() else message.body,
        )
        if head is not None and (place := await self._parking.behind(line, parked)) != "open":
            if place == "parked before":  # perhaps by us, before a crash kept us from having the line waked
                await self._redeliveries.wake(line, head.due)
            record.outcome = "parked"
            return
        received = Received(
            event=stored.event,
            data=VERSIONS.read(stored.event) if decoded.data is None else decoded.data,
            stream=line.stream,
            version=stored.version,
            delivery=delivery,
        )
        try:
            record.outcome = await self._handling.once(received, record.subscriber, handle)
        except Exception as failure:  # noqa: BLE001  a handler's fault of any kind is that event's alone
            record.code = failure_code(failure)
            if isinstance(failure, AppError) and not may_pass(failure):
                await self._give_up(message, "rejected", failure, record, delivery)
                return
            due = self._clock() + DELAYS[0]
            await self._parking.close(line, parked.failed(record.code), due)
            await self._redeliveries.wake(line, due)
            record.outcome = "parked"

    async def _give_up(
        self,
        message: IncomingMessage,
        reason: Reason,
        failure: AppError,
        record: ProcessingRecord,
        delivery: Delivery,
    ) -> None:
        await self._dead_letters.send(
            message,
            reason=reason,
            description=str(failure),
            topic=record.topic,
            subscription=record.subscriber,
            delivery=delivery,
        )
        record.outcome, record.code = f"dead-letter:{reason}", failure.code


def fitting(body: bytes, topic: str, clock: Clock) -> DecodedEvent:
    """The event, if it fits its schema and belongs to this topic; a large one without its data.

    Raises Invalid, TooLarge.
    """
    decoded = decode(body, received_at=clock(), by_reference=True)
    if decoded.type.topic != topic:
        fault = FieldError("/type", f"'{decoded.type.name}' belongs to the topic {decoded.type.topic}")
        raise Invalid(f"{fault.pointer}: {fault.detail}", errors=[fault])
    return decoded
