"""Receiving with Microsoft's own client, as the Functions host does: a session, peek-lock."""

from __future__ import annotations

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from shared_code.events.message import IncomingMessage


async def receive(
    connection: str, topic: str, subscription: str, session: str, *, count: int, wait: float = 20
) -> list[IncomingMessage]:
    """Receive and complete `count` messages of one session, in order; fewer where no more come within `wait` s."""
    async with ServiceBusClient.from_connection_string(connection) as client:
        return await _receive(client.get_subscription_receiver(topic, subscription, session_id=session), count, wait)


async def receive_dead_letters(connection: str, session: str, *, count: int, wait: float = 20) -> list[IncomingMessage]:
    """The same from the queue of dead letters."""
    async with ServiceBusClient.from_connection_string(connection) as client:
        return await _receive(client.get_queue_receiver("dead-letters", session_id=session), count, wait)


async def receive_redeliveries(connection: str, line: str, *, count: int, wait: float = 20) -> list[IncomingMessage]:
    """The same from the queue of what comes to one subscription alone."""
    async with ServiceBusClient.from_connection_string(connection) as client:
        return await _receive(client.get_queue_receiver("redeliveries", session_id=line), count, wait)


async def _receive(receiver: object, count: int, wait: float) -> list[IncomingMessage]:
    found: list[IncomingMessage] = []
    async with receiver:  # type: ignore[attr-defined]
        while len(found) < count:
            batch = await receiver.receive_messages(max_message_count=count - len(found), max_wait_time=wait)  # type: ignore[attr-defined]
            if not batch:
                break
            for message in batch:
                found.append(_incoming(message))
                await receiver.complete_message(message)  # type: ignore[attr-defined]
    return found


def _incoming(message: ServiceBusReceivedMessage) -> IncomingMessage:
    properties = message.application_properties or {}
    return IncomingMessage(
        body=b"".join(message.body),
        message_id=str(message.message_id),
        session_id=str(message.session_id),
        delivery_count=int(message.delivery_count or 0) + 1,
        content_type=str(message.content_type or ""),
        properties={str(_text(name)): _text(value) for name, value in properties.items()},
    )


def _text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value
