"""Going through a closed line: the first event is tried again, and when it is done with, those behind it follow."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError, Invalid
from shared_code.events.consumer import fitting
from shared_code.events.dead_letters import DeadLetters
from shared_code.events.handling import Handling
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
        stored = await self._store.find(line.stream, parked.event_id)
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
        await self._dead_letters.send(
            message,
            reason=reason,
            description=why,
            topic=line.topic,
            subscription=line.subscriber,
            delivery=parked.delivery,
        )
        await self._parking.release(line, parked)
        record.outcome = f"dead-letter:{reason}"
