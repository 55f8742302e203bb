"""Going through a closed line: the first event is tried again, and when it is done with, those behind it follow."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError, Invalid
from shared_code.events.consumer import fitting
from shared_code.events.dead_letters import DeadLetters
from shared_code.events.event_source import BROKEN
from shared_code.events.handling import Handling
from shared_code.events.hints import TENANT
from shared_code.events.letter import Reason
from shared_code.events.line import Line
from shared_code.events.message import IncomingMessage, body_of
from shared_code.events.parking import Parked, Parking
from shared_code.events.processing_log import ProcessingRecord, failure_code
from shared_code.events.received import Handler, Received
from shared_code.events.redeliveries import Redeliveries
from shared_code.events.redelivery import DELAYS, may_pass
from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent
from shared_code.storage.lake import Lake

TURN = timedelta(seconds=60)  # for one line; then others have their turn
CLOCKS_APART = timedelta(seconds=2)  # how much too early the bus may deliver what was scheduled
FORGOTTEN = timedelta(minutes=1)  # a line that is so long overdue has lost its wake-up


class Retries:
    """Runs under the line's session in the queue `redeliveries`, so once at a time for each line."""

    def __init__(
        self,
        *,
        store: EventStore,
        handling: Handling,
        parking: Parking,
        redeliveries: Redeliveries,
        dead_letters: DeadLetters,
        lake: Lake,
        clock: Clock,
        delays: tuple[timedelta, ...] = DELAYS,
    ) -> None:
        self._store = store
        self._handling = handling
        self._parking = parking
        self._redeliveries = redeliveries
        self._dead_letters = dead_letters
        self._lake = lake
        self._clock = clock
        self._delays = delays

    async def work(self, line: Line, handle: Handler | None, *, waked_for: datetime | None = None) -> None:
        """Handle what is parked in the line until it is empty and open, or has to wait.

        An event that has failed once more than there are delays goes to the dead letters, and the next one has its
        turn: nothing stalls behind it. `waked_for` is when the wake-up that brings us was meant to come. Raises what
        storage and the bus raise; nothing is lost then.
        """
        ends = self._clock() + TURN
        while (head := await self._parking.head(line)) is not None:
            wait = head.due - self._clock()
            if wait > CLOCKS_APART:
                await self._redeliveries.wake(line, head.due, anew=head.due == waked_for)
                return
            if self._clock() > ends:
                await self._redeliveries.wake(line, self._clock())
                return
            await asyncio.sleep(max(0.0, wait.total_seconds()))
            parked = await self._parking.first(line)
            if parked is None:
                if await self._parking.open(line, head):
                    return
            else:
                await self._again(line, parked, handle)

    async def sweep(self) -> int:
        """Wake lines whose wake-up was lost; how many. One that waits in the queue was not, however long it waits."""
        overdue = [line async for line in self._parking.overdue(self._clock() - FORGOTTEN)]
        forgotten = await self._redeliveries.not_to_be_waked(overdue)
        for line in forgotten:
            await self._redeliveries.wake(line, self._clock())
        return len(forgotten)

    async def _again(self, line: Line, parked: Parked, handle: Handler | None) -> None:
        try:
            stored = await self._store.find(line.stream, parked.event_id)
        except BROKEN as failure:
            await self._unreadable(line, parked, failure)
            return
        if stored is None or stored.erased:  # nobody has anything to do about it any more
            await self._parking.release(line, parked)
            return
        record = ProcessingRecord(
            self._lake, topic=line.topic, subscriber=line.subscriber, delivery_count=parked.failures + 1
        )
        record.about(stored.event, line, parked.delivery, self._clock)
        try:
            await self._try(line, parked, stored, handle, record)
        finally:
            record.write()

    async def _unreadable(self, line: Line, parked: Parked, failure: AppError) -> None:
        """An event that the store has, and cannot give: somebody changed its row, or its payload is lost.

        Its dead letter says what stands in the open. It has what another system sent as its body, or none: what is left
        of the event is the same as of an erased learner's, and must never be taken for a fact.
        """
        known = await self._store.open_part(line.stream, parked.event_id)
        record = ProcessingRecord(
            self._lake, topic=line.topic, subscriber=line.subscriber, delivery_count=parked.failures + 1
        )
        if known is not None:
            record.about(known, line, parked.delivery, self._clock)
        record.code = failure.code
        failed = parked.failed(failure.code)
        if known is not None and not await self._handling.permitted(known, line.stream, line.subscriber):
            await self._parking.release(line, parked)
            record.outcome = "no-consent"
        elif may_pass(failure) and failed.failures <= len(self._delays):
            await self._parking.failed(line, failed, self._clock() + self._delays[parked.failures])
            record.outcome = "parked"
        else:
            tenant = known.tenantid if known is not None else await self._store.tenant_of(line.stream)
            message = IncomingMessage(
                body=parked.body,
                message_id=parked.event_id,
                session_id=line.stream,
                delivery_count=failed.failures,
                properties={
                    "type": known.type if known is not None else "",
                    "correlationid": known.correlationid if known is not None else "",
                    TENANT: tenant or "",
                },
            )
            why = f"The event cannot be read any more: {failure.code}"
            await self._send(line, failed, message, "rejected", why, record)
        record.write()

    async def _try(
        self, line: Line, parked: Parked, stored: StoredEvent, handle: Handler | None, record: ProcessingRecord
    ) -> None:
        try:
            received = self._received(line, parked, stored)
            if not await self._handling.permitted(stored.event, line.stream, line.subscriber):
                record.outcome = "no-consent"
                await self._parking.release(line, parked)
                return
            record.outcome = await self._handling.once(received, line.subscriber, handle)
        except Exception as failure:  # noqa: BLE001  a handler's fault of any kind is that event's alone
            record.code = failure_code(failure)
            failed = parked.failed(record.code)
            if not may_pass(failure):
                reason: Reason = "schema" if isinstance(failure, Invalid) and failure.errors else "rejected"
                await self._bury(line, failed, stored, reason, str(failure), record)
            elif failed.failures > len(self._delays):
                last = f"{failure_code(failure)}: {failure}" if isinstance(failure, AppError) else record.code
                await self._bury(line, failed, stored, "max-delivery-count", last, record)
            else:
                due = self._clock() + self._delays[parked.failures]
                await self._parking.failed(line, failed, due)
                record.outcome = "parked"
        else:
            await self._parking.release(line, parked)

    def _received(self, line: Line, parked: Parked, stored: StoredEvent) -> Received:
        return Received(
            event=stored.event,
            data=fitting(stored.event.encode(), line.topic, self._clock).data,
            stream=line.stream,
            version=stored.version,
            delivery=parked.delivery,
        )

    async def _bury(
        self, line: Line, parked: Parked, stored: StoredEvent, reason: Reason, why: str, record: ProcessingRecord
    ) -> None:
        message = IncomingMessage(
            body=parked.body or body_of(stored.event),
            message_id=stored.event.id,
            session_id=stored.event.subject,
            delivery_count=parked.failures,
        )
        await self._send(line, parked, message, reason, why, record)

    async def _send(
        self, line: Line, parked: Parked, message: IncomingMessage, reason: Reason, why: str, record: ProcessingRecord
    ) -> None:
        await self._dead_letters.send(
            message,
            reason=reason,
            description=why,
            topic=line.topic,
            subscription=line.subscriber,
            delivery=parked.delivery,
            learner=line.stream,
        )
        await self._parking.release(line, parked)
        record.outcome = f"dead-letter:{reason}"
