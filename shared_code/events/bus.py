"""Service Bus, to send to: azure-servicebus behind a small surface. Receiving is the Functions host's work."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared_code.domain.errors import TooLarge, Unavailable
from shared_code.events.message import OutgoingMessage
from shared_code.storage.identity import identity

if TYPE_CHECKING:
    from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

log = logging.getLogger(__name__)

DEADLINE = 5.0  # seconds for one publication
COOL_DOWN = 2.0  # seconds in which nobody tries again after a failure
DRAIN_DEADLINE = 30.0  # seconds for one session
QUIET = 1.0  # seconds to wait for a message that was seen
BATCH_BYTES = 200_000  # the service takes 256 KB; the rest is for properties
BATCH_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class BusNamespace:
    """Either a connection string, locally, or a host name and an identity, in Azure (see storage/identity.py)."""

    connection_string: str = field(default="", repr=False)
    host: str = ""
    client_id: str = ""

    def endpoint(self) -> tuple[str, int]:
        """Host and port of its AMQP listener; 5671, TLS, unless the connection string says otherwise."""
        if not self.connection_string:
            return self.host, 5671
        members = dict(part.split("=", 1) for part in self.connection_string.strip(";").split(";"))
        address = urlsplit(members["Endpoint"])
        emulated = members.get("UseDevelopmentEmulator", "").lower() == "true"
        return address.hostname or "", address.port or (5672 if emulated else 5671)


class Bus:
    """Sends to topics and queues. One a process and event loop; senders stay open, because opening takes 0.5 s."""

    def __init__(self, namespace: BusNamespace) -> None:
        self._namespace = namespace
        self._client: ServiceBusClient | None = None
        self._credential: Any = None
        self._lanes: dict[str, _Lane] = {}

    async def send(self, entity: str, messages: Sequence[OutgoingMessage]) -> None:
        """Send to a topic or queue, in order, and wait until they are accepted.

        Raises Unavailable where the bus does not take them in time: they may have arrived nevertheless, and to send
        them again is safe. Raises TooLarge for a message that it will never take.
        """
        await self._lane(entity).send(messages)

    async def open(self, entities: Iterable[str]) -> None:
        """Open senders ahead of the first message; failures show when something is sent."""
        await asyncio.gather(*(self._lane(entity).open() for entity in entities))

    async def answers(self) -> bool:
        """Whether somebody listens there: an open sender does not notice an outage before its next message."""
        host, port = self._namespace.endpoint()
        try:
            async with asyncio.timeout(DEADLINE):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def close(self) -> None:
        """Close all senders."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))
        self._lanes.clear()
        if self._client is not None:
            await self._client.close()
        if self._credential is not None:
            await self._credential.close()
        self._client = self._credential = None

    def _lane(self, entity: str) -> _Lane:
        if entity not in self._lanes:
            self._lanes[entity] = _Lane(self, entity)
        return self._lanes[entity]

    async def drain(self, entity: str, session_id: str, *, subscription: str = "") -> int:
        """Take every message of one session out of a queue or subscription, unread; how many.

        Where somebody else holds the session its messages are theirs, and nothing is taken. Raises Unavailable.
        """
        from azure.core.exceptions import AzureError
        from azure.servicebus import ServiceBusReceiveMode
        from azure.servicebus.exceptions import SessionCannotBeLockedError

        options: dict[str, Any] = {"session_id": session_id, "receive_mode": ServiceBusReceiveMode.RECEIVE_AND_DELETE}
        client, taken = self.client(), 0
        if subscription:
            receiver = client.get_subscription_receiver(entity, subscription, **options)
        else:
            receiver = client.get_queue_receiver(entity, **options)
        try:
            async with asyncio.timeout(DRAIN_DEADLINE), receiver:
                while await receiver.peek_messages(1):  # answers at once, where receiving would wait for more to come
                    found = await receiver.receive_messages(BATCH_MESSAGES, max_wait_time=QUIET)
                    taken += len(found)
                    if not found:
                        break  # what is left is scheduled
        except SessionCannotBeLockedError:
            return taken
        except (AzureError, OSError, TimeoutError, ValueError) as error:
            log.warning("bus.not_drained", extra={"entity": entity, "error": type(error).__name__})
            raise Unavailable(f"Service Bus does not give the messages of {entity}.") from error
        return taken

    def sender(self, entity: str) -> ServiceBusSender:
        """A new sender; topics and queues are the same to a sender."""
        return self.client().get_topic_sender(entity)

    def client(self) -> ServiceBusClient:
        """The SDK's client of this namespace."""
        from azure.servicebus.aio import ServiceBusClient

        if self._client is None:
            options: dict[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0.1, "retry_backoff_max": 1}
            # The SDK reads all the system's certificates for each connection otherwise: 50 ms of CPU a time.
            options["ssl_context"] = ssl.create_default_context()
            if self._namespace.connection_string:
                self._client = ServiceBusClient.from_connection_string(self._namespace.connection_string, **options)
            else:
                self._credential = identity(self._namespace.client_id)
                self._client = ServiceBusClient(self._namespace.host, self._credential, **options)
        return self._client


class _Lane:
    """One entity's sender. A sender takes one call at a time: who comes meanwhile goes along with the next one."""

    def __init__(self, bus: Bus, entity: str) -> None:
        self._bus = bus
        self._entity = entity
        self._sender: ServiceBusSender | None = None
        self._waiting: list[tuple[Sequence[OutgoingMessage], asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._down_until = 0.0

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        if time.monotonic() < self._down_until:
            raise Unavailable("Service Bus has just failed; it is left alone for a moment.", retry_after=COOL_DOWN)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        try:
            async with asyncio.timeout(DEADLINE):
                await done
        except TimeoutError:
            raise Unavailable("Service Bus does not answer.") from None

    async def open(self) -> None:
        """Open the sender by sending nothing."""
        await self.send([])

    async def close(self) -> None:
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._drop()

    async def _work(self) -> None:
        while self._waiting:
            turn = [(messages, done) for messages, done in self._waiting if not done.done()]
            self._waiting.clear()
            try:
                await self._transmit([message for messages, _ in turn for message in messages])
            except (Unavailable, TooLarge) as failure:
                for _, done in turn:
                    if not done.done():
                        done.set_exception(failure)
            else:
                for _, done in turn:
                    if not done.done():
                        done.set_result(None)

    async def _transmit(self, messages: Sequence[OutgoingMessage]) -> None:
        from azure.core.exceptions import AzureError
        from azure.servicebus.exceptions import MessageSizeExceededError

        try:
            if self._sender is None:
                self._sender = self._bus.sender(self._entity)
                await self._sender.__aenter__()
            for batch in _batches(messages):
                await self._sender.send_messages([_to_sdk(message) for message in batch], timeout=DEADLINE)
        except MessageSizeExceededError as error:
            raise TooLarge(f"{self._entity} does not take a message of this size") from error
        except (AzureError, OSError, ValueError) as error:
            self._down_until = time.monotonic() + COOL_DOWN
            log.warning("bus.failed", extra={"entity": self._entity, "error": type(error).__name__})
            await self._drop()
            raise Unavailable(
                f"Service Bus does not take messages for {self._entity}.", retry_after=COOL_DOWN
            ) from error

    async def _drop(self) -> None:
        """Close the sender; the next message opens another. It may be broken: whatever closing says is no news."""
        sender, self._sender = self._sender, None
        if sender is not None:
            await asyncio.gather(asyncio.wait_for(sender.close(), DEADLINE), return_exceptions=True)


def _batches(messages: Sequence[OutgoingMessage]) -> Iterable[list[OutgoingMessage]]:
    """Cut into batches that the service takes; a batch is accepted whole or not at all."""
    batch: list[OutgoingMessage] = []
    size = 0
    for message in messages:
        if batch and (size + len(message.body) > BATCH_BYTES or len(batch) == BATCH_MESSAGES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.body) + 1000
    if batch:
        yield batch


def _to_sdk(message: OutgoingMessage) -> Any:
    from azure.servicebus import ServiceBusMessage

    properties: dict[Any, Any] = dict(message.properties)
    return ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        session_id=message.session_id,
        content_type=message.content_type,
        application_properties=properties,
        scheduled_enqueue_time_utc=message.due,
    )
