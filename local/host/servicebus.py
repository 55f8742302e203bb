"""Service Bus triggers: peek-lock receivers on a queue, a subscription, a dead-letter queue, or on sessions of one.

A message is completed when its function has succeeded and abandoned when it has raised
(learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger#peeklock-behavior).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
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
PATIENT, BRIEF = 5.0, 0.1  # seconds that one read of a connection lasts while it waits for work, and while it has some
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
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop`; then let what is held finish, and give the rest back. Survives the bus being away."""
        take, feeds = (self._next_session, min(self._limit, WAITING)) if self._sessions else (self._next_messages, 1)
        free = asyncio.Semaphore(self._limit)
        client = ServiceBusClient.from_connection_string(
            self._connection, socket_timeout=PATIENT, ssl_context=TLS, retry_total=1
        )

        async def feed() -> None:
            """Take work and start it, as long as there is room for more."""
            away = False
            while await free.acquire() and not stop.is_set():
                try:
                    work = await take(client, stop)
                    away = False
                except (ServiceBusError, ValueError) as error:
                    if not away:
                        log.warning(
                            "'Functions.%s' cannot receive from %s: %s", self._function.name, self._entity, error
                        )
                    work, away = None, True
                    await asyncio.sleep(AGAIN)
                if work is None:
                    free.release()
                else:
                    self._start(work, free)

        async with client:
            await asyncio.gather(*(feed() for _ in range(feeds)))
            if self._running:
                await asyncio.wait(self._running)
            await asyncio.gather(*(_close(receiver) for receiver in self._idle))

    def _receiver(self, client: ServiceBusClient, **options: Any) -> ServiceBusReceiver:
        entity, dead, _ = self._entity.lower().partition(DEAD_LETTER)
        if dead:
            options["sub_queue"] = ServiceBusSubQueue.DEAD_LETTER
        if self._function.trigger.get("queueName"):
            return client.get_queue_receiver(entity, **options)
        topic, _, subscription = entity.partition("/")
        return client.get_subscription_receiver(topic, subscription, **options)

    async def _next_messages(self, client: ServiceBusClient, stop: asyncio.Event) -> Work | None:
        """Wait for messages on a receiver that handles nothing else: one of this SDK cannot do both without delay."""
        receiver = self._idle.pop() if self._idle else await self._receiver(client).__aenter__()
        _reads(receiver, BRIEF if self._many else PATIENT)  # the SDK fills a batch by reads, to the last one's end

        async def work(received: Sequence[ServiceBusReceivedMessage]) -> None:
            async with self._kept(receiver):
                await self._handle(receiver, received)

        async with self._kept(receiver):
            received = await _unless(stop, receiver.receive_messages(self._batch, WAIT))
            _reads(receiver, BRIEF)
            if not received:
                return None
        self._idle.remove(receiver)
        return work(received)

    @asynccontextmanager
    async def _kept(self, receiver: ServiceBusReceiver) -> AsyncIterator[None]:
        """Keep a receiver for later, unless it breaks."""
        try:
            yield
        except ServiceBusError:
            await _close(receiver)
            raise
        self._idle.append(receiver)

    async def _next_session(self, client: ServiceBusClient, stop: asyncio.Event) -> Work | None:
        """Wait for a session that nobody holds."""
        receiver = self._receiver(client, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=WAIT)
        opened = None
        with suppress(OperationTimeoutError):
            opened = await _unless(stop, receiver.__aenter__())
        if opened is None:
            await _close(receiver)
            return None
        _reads(receiver, BRIEF)
        return self._session(receiver, stop)

    async def _session(self, receiver: ServiceBusReceiver, stop: asyncio.Event) -> None:
        """Handle one session's messages in order until it has none for a while."""
        async with receiver:
            while not stop.is_set() and (received := await receiver.receive_messages(self._batch, self._session_idle)):
                await self._handle(receiver, received)

    def _start(self, work: Work, free: asyncio.Semaphore) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            free.release()
            if not task.cancelled() and task.exception():
                log.warning("'Functions.%s' lost %s: %s", self._function.name, self._entity, task.exception())

        task.add_done_callback(ended)

    async def _handle(self, receiver: ServiceBusReceiver, received: Sequence[ServiceBusReceivedMessage]) -> None:
        data, metadata = messages.many(received) if self._many else messages.one(received[0])
        first = received[0]
        details = (
            f"MessageId: {first.message_id}, SequenceNumber: {first.sequence_number}, DeliveryCount: "
            f"{(first.delivery_count or 0) + 1}, SessionId: {first.session_id}, MessageCount: {len(received)}"
        )
        settle: Callable[[ServiceBusReceivedMessage], Awaitable[None]] | None
        settle = receiver.complete_message if self._complete else None
        async with self._kept_locked(receiver, received):
            try:
                await self._invoker.run(
                    self._function, data, details=details, metadata=metadata, trace_parent=messages.trace_parent(first)
                )
            except InvocationFailed:
                settle = receiver.abandon_message
        for message in received if settle else ():
            assert settle
            await settle(message)

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
