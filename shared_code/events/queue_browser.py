"""Looking through a queue of sessions without taking anything out of it, or holding up whoever does."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from shared_code.domain.errors import Unavailable
from shared_code.events.bus import Bus
from shared_code.events.message import IncomingMessage

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusReceiver

PAGE = 200


@asynccontextmanager
async def browsing(bus: Bus, queue: str) -> AsyncIterator[QueueBrowser]:
    """A browser of the queue, closed when left. Raises Unavailable.

    Nobody can receive from all sessions at once, but peek at all of them, locked or not
    (learn.microsoft.com/azure/service-bus-messaging/message-browsing). In Python only receivers peek, and one opens for
    one session only: it is given an empty one of its own, and says another one, or none, when it peeks. That overrides
    a method which is not public: `requirements.txt` pins the version, and tests look into sessions of others.
    """
    from azure.core.exceptions import AzureError

    receiver = bus.client().get_queue_receiver(queue, session_id=f"browser-{uuid.uuid4()}")
    try:
        async with receiver:
            yield QueueBrowser(receiver)
    except (AzureError, OSError, ValueError) as error:
        raise Unavailable(f"The queue {queue} cannot be looked through now.", retry_after=5) from error


class QueueBrowser:
    """Sees messages of all sessions, in the order in which they came."""

    def __init__(self, receiver: ServiceBusReceiver) -> None:
        self._receiver = receiver
        self._session = ""
        self._turn = asyncio.Lock()
        receiver._populate_message_properties = self._name_session  # type: ignore[method-assign]

    async def page(self, first: int, *, session: str = "") -> list[IncomingMessage]:
        """Messages from this number on, not always as many as there are; none where there are no more.

        With a session only that one's.
        """
        return [_incoming(message) for message in await self._peek(PAGE, first, session)]

    async def has(self, sequence: int) -> bool:
        """Whether the message of this number is there still."""
        found = await self._peek(1, sequence)
        return [message.sequence_number for message in found] == [sequence]

    async def _peek(self, count: int, first: int, session: str = "") -> list[ServiceBusReceivedMessage]:
        async with self._turn:
            self._session = session
            return await self._receiver.peek_messages(count, sequence_number=first)

    def _name_session(self, request: dict[str, Any]) -> None:
        """Put the session into a request, in the way of the SDK's own method."""
        if self._session:
            request["session-id"] = self._session


def _incoming(message: ServiceBusReceivedMessage) -> IncomingMessage:
    properties = message.application_properties or {}
    return IncomingMessage(
        body=_body(message),
        message_id=str(message.message_id or ""),
        session_id=message.session_id or "",
        delivery_count=(message.delivery_count or 0) + 1,
        content_type=message.content_type or "",
        properties={str(_text(name)): _text(value) for name, value in properties.items()},
        enqueued_at=message.enqueued_time_utc,
        sequence=message.sequence_number or 0,
    )


def _body(message: ServiceBusReceivedMessage) -> bytes:
    """The body of a message as every SDK of ours sends it; other AMQP bodies hold no event."""
    from azure.servicebus.amqp import AmqpMessageBodyType

    return b"".join(message.body) if message.body_type == AmqpMessageBodyType.DATA else b""


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
