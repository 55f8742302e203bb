"""Senders and receivers of azure-servicebus (aio), kept open: each takes half a second to open and to close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender


class Links:
    """One client, and what was opened with it."""

    def __init__(self, connection: str) -> None:
        self.client = ServiceBusClient.from_connection_string(connection, retry_total=0)
        self._open: dict[tuple[Any, ...], Any] = {}
        self._closing: list[asyncio.Task[None]] = []

    async def sender(self, name: str) -> ServiceBusSender:
        """To a queue, or to a topic, whose name is then `topic/`."""
        topic, slash, _ = name.partition("/")
        make = self.client.get_topic_sender if slash else self.client.get_queue_sender
        return cast(ServiceBusSender, await self._opened(("sender", name), lambda: make(topic)))

    async def receiver(self, name: str, **options: Any) -> ServiceBusReceiver:
        """From a queue, or from a subscription, whose name is then `topic/subscription`."""
        key = ("receiver", name, *sorted(options.items()))
        return cast(ServiceBusReceiver, await self._opened(key, lambda: self.new_receiver(name, **options)))

    def new_receiver(self, name: str, **options: Any) -> ServiceBusReceiver:
        """One that the test opens and closes itself."""
        topic, slash, subscription = name.partition("/")
        if slash:
            return self.client.get_subscription_receiver(topic, subscription, **options)
        return self.client.get_queue_receiver(name, **options)

    @asynccontextmanager
    async def session(self, name: str, session_id: Any, **options: Any) -> AsyncIterator[ServiceBusReceiver]:
        """A receiver of one session. It gives the session back when left, and is done closing a little later."""
        receiver = await self.new_receiver(name, session_id=session_id, **options).__aenter__()
        try:
            yield receiver
        finally:
            self._closing.append(asyncio.create_task(receiver.close()))

    async def _opened(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        if key not in self._open:
            self._open[key] = await make().__aenter__()
        return self._open[key]

    async def close(self) -> None:
        await asyncio.gather(*self._closing, *(each.close() for each in self._open.values()))
        await self.client.close()


async def receive(receiver: ServiceBusReceiver, count: int = 1, wait: float = 10) -> list[ServiceBusReceivedMessage]:
    """That many messages, or as many as come within the wait, in seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count and (left := deadline - loop.time()) > 0:
        found += await receiver.receive_messages(max_message_count=count - len(found), max_wait_time=left)
    return found


async def receive_one(receiver: ServiceBusReceiver) -> ServiceBusReceivedMessage:
    [message] = await receive(receiver)
    return message
