"""The queue `redeliveries`: what is meant for one subscription alone, and comes to it outside of its topic.

Sessions are lines (one learner at one subscription), so whatever comes for a line is handled one after the other. Two
kinds of message: an event, addressed to one subscriber, and a wake-up, which has no body and says that a closed line is
due. Doubles of either are harmless.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared_code.domain.clock import parse_rfc3339, rfc3339
from shared_code.events.bus import Bus
from shared_code.events.delivery import Delivery
from shared_code.events.line import Line
from shared_code.events.message import IncomingMessage, OutgoingMessage
from shared_code.events.queue_browser import QueueBrowser, browsing

QUEUE = "redeliveries"
LINE, WAKE, DUE = "line", "wake", "due"
RUN_BYTES = 1_000_000  # of bodies in one go, for which the bus has its deadline


@dataclass(frozen=True, slots=True)
class Addressed:
    """An event for one line, with a message's body that says it."""

    line: Line
    event_id: str
    correlation_id: str
    body: bytes
    delivery: Delivery


class Redeliveries:
    """Sends to the queue. Raises Unavailable where the bus does not take it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def wake(self, line: Line, due: datetime, *, anew: bool = False) -> None:
        """Have a line looked at when it is due. Asked for once more within minutes, it is the same wake-up still.

        `anew` is for a wake-up that has come and must come again: the bus would drop it as the one of before.
        """
        names = [line.key, rfc3339(due), *([str(uuid.uuid4())] if anew else [])]
        message = OutgoingMessage(
            body=b"",
            message_id=hashlib.sha256("\0".join(names).encode()).hexdigest(),
            session_id=line.key,
            properties={LINE: line.key, WAKE: True, DUE: rfc3339(due)},
            due=due,
        )
        await self._bus.send(QUEUE, [message])

    async def not_to_be_waked(self, lines: Sequence[Line]) -> list[Line]:
        """Those of these lines for which there is no wake-up in the queue."""
        if not lines:
            return []
        async with browsing(self._bus, QUEUE) as browser:
            return [line for line in lines if not await _has_wake_up(browser, line)]

    async def deliver(self, deliveries: Sequence[Addressed]) -> None:
        """Have events handled by one subscriber each. The same delivery sent again is dropped as a duplicate.

        However many there are, over however slow a line: the bus has its time for each run of them.
        """
        for run in _runs(deliveries):
            await self._bus.send(QUEUE, [_to_message(each) for each in run])


def _runs(deliveries: Sequence[Addressed]) -> Iterator[list[Addressed]]:
    run: list[Addressed] = []
    size = 0
    for each in deliveries:
        if run and size + len(each.body) > RUN_BYTES:
            yield run
            run, size = [], 0
        run.append(each)
        size += len(each.body)
    if run:
        yield run


async def _has_wake_up(browser: QueueBrowser, line: Line) -> bool:
    first = 1
    while page := await browser.page(first, session=line.key):
        if any(is_wake_up(message) for message in page):
            return True
        first = page[-1].sequence + 1
    return False


def line_of(message: IncomingMessage) -> Line:
    """The line that a message of the queue is for. Raises ValueError for a message that is not ours."""
    return Line.parse(str(message.properties.get(LINE, "")))


def is_wake_up(message: IncomingMessage) -> bool:
    """Whether it says no more than that a line is due."""
    return bool(message.properties.get(WAKE))


def due_of(message: IncomingMessage) -> datetime | None:
    """For when a wake-up was meant; None for one that does not say."""
    said = message.properties.get(DUE)
    return parse_rfc3339(str(said)) if said else None


def _to_message(addressed: Addressed) -> OutgoingMessage:
    line, delivery = addressed.line, addressed.delivery
    names = (line.key, addressed.event_id, str(delivery.redriven), delivery.replay)
    digest = hashlib.sha256("\0".join(names).encode() + addressed.body)
    return OutgoingMessage(
        body=addressed.body,
        message_id=digest.hexdigest(),
        session_id=line.key,
        properties={LINE: line.key, "correlationid": addressed.correlation_id, **delivery.properties()},
    )
