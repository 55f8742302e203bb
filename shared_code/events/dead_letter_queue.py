"""Taking letters out of the queue of dead letters, once they have been dealt with."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from shared_code.domain.errors import Unavailable
from shared_code.events.bus import Bus
from shared_code.events.dead_letters import QUEUE
from shared_code.events.letter import Letter

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusReceiver

SESSIONS_AT_ONCE = 8  # each has a connection of its own in this SDK
BATCH = 200
WAIT = 1.0  # seconds for the next message of a session


class DeadLetterQueue:
    """Receives under the session's lock. Messages that are left alone are released as they were when the lock goes.

    Their delivery count does not change: learn.microsoft.com/azure/service-bus-messaging/message-sessions, "Impact of
    delivery count".
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def take(self, letters: Iterable[Letter]) -> None:
        """Complete these letters, as far as they are there. Raises Unavailable, also while somebody reads a session."""
        sessions: defaultdict[str, set[str]] = defaultdict(set)
        for letter in letters:
            sessions[letter.session_id].add(letter.summary.message_id)
        await self._from_each(sessions)

    async def _from_each(self, sessions: Mapping[str, set[str]]) -> None:
        gate = asyncio.Semaphore(SESSIONS_AT_ONCE)

        async def one(session_id: str, message_ids: set[str]) -> None:
            async with gate:
                await self._from(session_id, message_ids)

        outcomes = await asyncio.gather(*(one(*each) for each in sessions.items()), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _from(self, session_id: str, message_ids: set[str]) -> None:
        from azure.core.exceptions import AzureError

        try:
            receiver = self._bus.client().get_queue_receiver(QUEUE, session_id=session_id)
            async with receiver:
                await _complete(receiver, message_ids)
        except (AzureError, OSError, ValueError) as error:
            raise Unavailable(
                "The queue of dead letters does not give this one out now; it is being read elsewhere, or down.",
                code="dead-letter-held",
                retry_after=5,
            ) from error


async def _complete(receiver: ServiceBusReceiver, message_ids: set[str]) -> None:
    wanted = set(message_ids)
    while wanted:
        batch = await receiver.receive_messages(max_message_count=BATCH, max_wait_time=WAIT)
        if not batch:
            return
        mine = {_name(message): message for message in batch if _name(message) in wanted}
        await asyncio.gather(*(receiver.complete_message(message) for message in mine.values()))
        wanted -= mine.keys()


def _name(message: ServiceBusReceivedMessage) -> str:
    """What a letter is known by: its id, or its number in the queue if whoever sent it gave it none."""
    return str(message.message_id or f"sequence:{message.sequence_number}")
