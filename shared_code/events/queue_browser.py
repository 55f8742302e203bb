"""Looking through the queue of dead letters without taking anything out of it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from shared_code.domain.errors import Unavailable
from shared_code.events.bus import Bus
from shared_code.events.dead_letters import QUEUE
from shared_code.events.message import IncomingMessage

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusReceiver

PAGE = 200


@asynccontextmanager
async def browsing(bus: Bus) -> AsyncIterator[QueueBrowser]:
    """A browser of the queue, closed when left. Raises Unavailable.

    Nobody can receive from all sessions at once, but peek at all of them, locked or not
    (learn.microsoft.com/azure/service-bus-messaging/message-browsing). In Python only receivers peek, and one opens for
    one session only: it is given an empty one of its own, and kept from naming it when it peeks. That overrides a
    method which is not public: `requirements.txt` pins the version, and a test looks for letters of other sessions.
    """
    from azure.core.exceptions import AzureError

    receiver = bus.client().get_queue_receiver(QUEUE, session_id=f"browser-{uuid.uuid4()}")
    receiver._populate_message_properties = lambda _message: None  # type: ignore[method-assign]
    try:
        async with receiver:
            yield QueueBrowser(receiver)
    except (AzureError, OSError, ValueError) as error:
        raise Unavailable("The queue of dead letters cannot be looked through now.", retry_after=5) from error


class QueueBrowser:
    """Sees messages of all sessions, in the order in which they came."""

    def __init__(self, receiver: ServiceBusReceiver) -> None:
        self._receiver = receiver

    async def page(self, first: int) -> list[IncomingMessage]:
        """Messages from this number on, not always as many as there are; none where there are no more."""
        found = await self._receiver.peek_messages(PAGE, sequence_number=first)
        return [_incoming(message) for message in found]

    async def has(self, sequence: int) -> bool:
        """Whether the message of this number is there still."""
        found = await self._receiver.peek_messages(1, sequence_number=sequence)
        return [message.sequence_number for message in found] == [sequence]


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
