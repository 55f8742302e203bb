"""A learner's messages on the bus, taken out: what waits for subscribers, what waits to be tried again, what died."""

from __future__ import annotations

import asyncio

from shared_code.domain.events.topology import SUBSCRIPTIONS
from shared_code.events import dead_letters, redeliveries
from shared_code.events.bus import Bus
from shared_code.events.line import Line
from shared_code.events.parking import Parking

AT_ONCE = 8  # connections


class Forgetting:
    """All methods may run again. They raise Unavailable."""

    def __init__(self, bus: Bus, parking: Parking) -> None:
        self._bus = bus
        self._parking = parking

    async def parked(self, stream: str) -> None:
        """Delete what is parked in a learner's lines."""
        for line in _lines(stream):
            await self._parking.forget(line)

    async def messages(self, subject: str, stream: str) -> int:
        """Take a learner's messages out of all queues and subscriptions; how many. `subject` is empty where unknown.

        What a consumer of ours holds meanwhile it drops by itself: the event that it finds in the store is erased.
        """
        turns = asyncio.Semaphore(AT_ONCE)

        async def drain(entity: str, session_id: str, subscription: str = "") -> int:
            async with turns:
                return await self._bus.drain(entity, session_id, subscription=subscription)

        taken = await asyncio.gather(
            *(drain(redeliveries.QUEUE, line.key) for line in _lines(stream)),
            *(drain(dead_letters.QUEUE, session) for session in (subject, stream) if session),  # stream: retries.py
            *(drain(each.topic, subject, each.subscriber) for each in SUBSCRIPTIONS if subject),
        )
        return sum(taken)


def _lines(stream: str) -> list[Line]:
    return [Line(each.topic, each.subscriber, stream) for each in SUBSCRIPTIONS]
