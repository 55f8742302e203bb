"""Service Bus triggers: peek-lock receivers on a queue, a subscription, a dead-letter queue, or on sessions of one.

A message is completed when its function has succeeded and abandoned when it has raised
(learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger#peeklock-behavior).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError

from local.host import messages
from local.host.indexing import Function, Refused
from local.host.invocation import Invoker
from local.host.options import seconds
from local.host.worker import InvocationFailed

log = logging.getLogger("host")
Work = Coroutine[Any, Any, None]
DEAD_LETTER = "/$deadletterqueue"
PATIENT, BRIEF = 2.0, 0.1  # seconds that one read of a connection lasts while it waits for work, and while it has some
WAITING = 2  # receivers that wait for a session at a time: opening one takes the SDK half a second
WAIT = 300.0  # seconds that one request for messages or a session lasts
TLS = ssl.create_default_context()  # the SDK makes one for each connection otherwise, even for plain TCP
AGAIN = 1.0  # seconds before the bus is tried again


class ServiceBusTrigger:
    """Feeds one function from one entity."""

    def __init__(
        self, function: Function, invoker: Invoker, options: Mapping[str, Any], settings: Mapping[str, str]
    ) -> None:
        """`options` is host.json's `extensions.serviceBus`; what it lacks has the vendor's default. Raises Refused."""
        self._function = function
        self._invoker = invoker
        binding = function.trigger
        name = binding.get("connection") or "AzureWebJobsServiceBus"
        self._connection = settings.get(name) or settings.get(f"AzureWebJobs{name}") or ""
        if not self._connection:
            raise Refused(f"Function '{function.name}': the app setting '{name}' must be a connection string")
        path = (binding.get("topicName"), binding.get("subscriptionName"))
        self._entity = str(binding.get("queueName") or "/".join(filter(None, path)))
        self._sessions = bool(binding.get("isSessionsEnabled"))
        self._many = str(binding.get("cardinality", "ONE")).upper() == "MANY"
        self._batch = options.get("maxMessageBatchSize", 1000) if self._many else 1
        calls = 1 if self._many else options.get("maxConcurrentCalls", 16)
        self._limit = options.get("maxConcurrentSessions", 8) if self._sessions else calls
        self._complete = binding.get("autoCompleteMessages", options.get("autoCompleteMessages", True))
        self._renewal = seconds(options.get("maxAutoLockRenewalDuration", "00:05:00"))
        self._session_idle = seconds(options.get("sessionIdleTimeout", "00:00:30"))
        self._idle: list[ServiceBusReceiver] = []
        self._away = False

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop`; then let what is held finish, and give the rest back. Survives the bus being away."""
        turn = asyncio.Semaphore(WAITING if self._sessions else 1)
        client = ServiceBusClient.from_connection_string(self._connection, ssl_context=TLS, retry_total=1)

        async def call() -> None:
            """One of those that may run at a time: wait in turn for work, do it."""
            while not stop.is_set():
                async with turn:
                    work = await self._take(client, stop)
                try:
                    await work if work else None
                except ServiceBusError as error:
                    log.warning("'Functions.%s' lost %s: %s", self._function.name, self._entity, error)

        async with client:
            async with asyncio.TaskGroup() as calls:
                for _ in range(self._limit):
                    calls.create_task(call())
            await asyncio.gather(*(_close(receiver) for receiver in self._idle))

    async def _take(self, client: ServiceBusClient, stop: asyncio.Event) -> Work | None:
        if stop.is_set():
            return None
        try:
            work = await (self._next_session(client, stop) if self._sessions else self._next_messages(client, stop))
            self._away = False
            return work
        except (ServiceBusError, ValueError) as error:
            if not self._away:
                log.warning("'Functions.%s' cannot receive from %s: %s", self._function.name, self._entity, error)
            self._away = True
            await asyncio.sleep(AGAIN)
            return None

    def _receiver(self, client: ServiceBusClient, **options: Any) -> ServiceBusReceiver:
        options["socket_timeout"] = PATIENT  # of a receiver: what a client is given does not reach its receivers
        entity, dead, _ = self._entity.lower().partition(DEAD_LETTER)
        if dead:
            options["sub_queue"] = ServiceBusSubQueue.DEAD_LETTER
        if self._function.trigger.get("queueName"):
            return client.get_queue_receiver(entity, **options)
        topic, _, subscription = entity.partition("/")
        return client.get_subscription_receiver(topic, subscription, **options)

    async def _next_messages(self, client: ServiceBusClient, stop: asyncio.Event) -> Work:
        """Wait for messages on a receiver that handles nothing else: one of this SDK cannot do both without delay."""
        receiver = self._idle.pop() if self._idle else await self._receiver(client).__aenter__()
        async with _closed_if_broken(receiver):
            _reads(receiver, BRIEF if self._many else PATIENT)  # the SDK fills a batch by reads, to the last one's end
            received = await _unless(stop, receiver.receive_messages(self._batch, WAIT))
            _reads(receiver, BRIEF)
        return self._messages(receiver, received or [])

    async def _messages(self, receiver: ServiceBusReceiver, received: Sequence[ServiceBusReceivedMessage]) -> None:
        async with _closed_if_broken(receiver):
            if received:
                await self._handle(receiver, received)
        self._idle.append(receiver)

    async def _next_session(self, client: ServiceBusClient, stop: asyncio.Event) -> Work | None:
        """Wait for a session that nobody holds."""
        receiver = self._receiver(client, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=WAIT)
        with suppress(OperationTimeoutError):
            if await _unless(stop, receiver.__aenter__()):
                _reads(receiver, BRIEF)
                return self._session(receiver, stop)
        await _close(receiver)
        return None

    async def _session(self, receiver: ServiceBusReceiver, stop: asyncio.Event) -> None:
        """Handle one session's messages in order until it has none for a while."""
        async with receiver:
            while not stop.is_set() and (received := await receiver.receive_messages(self._batch, self._session_idle)):
                await self._handle(receiver, received)

    async def _handle(self, receiver: ServiceBusReceiver, received: Sequence[ServiceBusReceivedMessage]) -> None:
        data, metadata = messages.many(received) if self._many else messages.one(received[0])
        first = received[0]
        details = (
            f"MessageId: {first.message_id}, SequenceNumber: {first.sequence_number}, DeliveryCount: "
            f"{(first.delivery_count or 0) + 1}, SessionId: {first.session_id}, MessageCount: {len(received)}"
        )
        succeeded = True
        async with self._kept_locked(receiver, received):
            try:
                await self._invoker.run(
                    self._function, data, details=details, metadata=metadata, trace=(messages.trace_parent(first), "")
                )
            except InvocationFailed:
                succeeded = False
        for message in received:
            if not succeeded:
                await receiver.abandon_message(message)
            elif self._complete:
                await receiver.complete_message(message)

    @asynccontextmanager
    async def _kept_locked(
        self, receiver: ServiceBusReceiver, received: Sequence[ServiceBusReceivedMessage]
    ) -> AsyncIterator[None]:
        """Renew the locks, the session's or each message's, as long as this lasts, up to the longest renewal."""

        async def renew() -> None:
            async with asyncio.timeout(None if self._renewal == float("inf") else self._renewal):
                while until := (receiver.session or received[0]).locked_until_utc:
                    await asyncio.sleep(max((until - datetime.now(UTC)).total_seconds() / 2, 0.1))
                    if receiver.session:
                        await receiver.session.renew_lock()
                    else:
                        await asyncio.gather(*(receiver.renew_message_lock(message) for message in received))

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError, ServiceBusError, TimeoutError):  # the settlement tells of a lost lock
                await renewing


@asynccontextmanager
async def _closed_if_broken(receiver: ServiceBusReceiver) -> AsyncIterator[None]:
    try:
        yield
    except ServiceBusError:
        await _close(receiver)
        raise


def _reads(receiver: ServiceBusReceiver, seconds: float) -> None:
    """Let reads on its connection last so long. The SDK's writes wait for its reads, and short reads cost CPU."""
    if receiver._handler:  # the SDK itself sets it for a whole client
        receiver._handler._socket_timeout = seconds


async def _close(receiver: ServiceBusReceiver) -> None:
    _reads(receiver, BRIEF)  # closing reads until the other side has answered, which a dead one never does
    await receiver.close()


async def _unless[T](stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives, or None where `stop` comes first; then the work is cancelled."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    working.cancel()  # does nothing to what is done
    with suppress(asyncio.CancelledError):
        return await working
    return None
