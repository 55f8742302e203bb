"""Service Bus triggers: peek-lock receivers on a queue, a subscription, a dead-letter queue, or on sessions of one.

A message is completed when its function has succeeded and abandoned when it has raised
(learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger#peeklock-behavior).
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError

from local.host import messages
from local.host.indexing import Function, Refused
from local.host.invocation import Invoker
from local.host.options import ServiceBus
from local.host.worker import InvocationFailed

log = logging.getLogger("host")
Messages = Sequence[ServiceBusReceivedMessage]
DEAD_LETTER = "/$deadletterqueue"
PATIENT, BRIEF = 2.0, 0.1  # seconds that one read of a connection lasts while it waits for work, and while it has some
WAITING = 2  # receivers that wait for a session at a time: opening one takes the SDK half a second
WAIT = 300.0  # seconds that one request for messages or a session lasts
TLS = ssl.create_default_context()  # the SDK makes one for each connection otherwise, even for plain TCP
AGAIN = 1.0  # seconds before the bus is tried again


class ServiceBusTrigger:
    """Feeds one function from one entity."""

    def __init__(self, function: Function, invoker: Invoker, options: ServiceBus) -> None:
        """Raises Refused."""
        self._function = function
        self._invoker = invoker
        self._options = options
        binding = function.trigger
        name = binding.get("connection") or "AzureWebJobsServiceBus"
        self._connection = os.environ.get(name) or os.environ.get(f"AzureWebJobs{name}") or ""
        if not self._connection:
            raise Refused(f"Function '{function.name}': the app setting '{name}' must be a connection string")
        if not binding.get("autoCompleteMessages", True):
            raise Refused(f"Function '{function.name}': a Python function cannot settle its message by itself")
        path = (binding.get("topicName"), binding.get("subscriptionName"))
        self._entity = str(binding.get("queueName") or "/".join(filter(None, path)))
        self._sessions = bool(binding.get("isSessionsEnabled"))
        self._many = str(binding.get("cardinality", "ONE")).upper() == "MANY"
        self._batch = options.max_message_batch_size if self._many else 1
        self._idle: list[ServiceBusReceiver] = []
        self._away = False

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop`; then let what is held finish, and give the rest back. Survives the bus being away."""
        turn = asyncio.Semaphore(WAITING if self._sessions else 1)
        limit = self._options.max_concurrent_sessions if self._sessions else self._options.max_concurrent_calls
        client = ServiceBusClient.from_connection_string(self._connection, ssl_context=TLS, retry_total=1)
        longest = min(self._options.max_auto_lock_renewal_duration, 1e9)  # the SDK's dates end before infinity
        async with client, AutoLockRenewer(longest) as renewer:
            async with asyncio.TaskGroup() as calls:
                for _ in range(1 if self._many and not self._sessions else limit):
                    calls.create_task(self._work(client, renewer, turn, stop))
            await asyncio.gather(*(_close(receiver) for receiver in self._idle))

    async def _work(
        self, client: ServiceBusClient, renewer: AutoLockRenewer, turn: asyncio.Semaphore, stop: asyncio.Event
    ) -> None:
        """One of those that may run at a time: wait in turn for messages, handle them.

        A receiver that waits handles nothing: one of this SDK cannot do both without delay.
        """
        while not stop.is_set():
            receiver = self._idle.pop() if self._idle else self._receiver(client, renewer)
            try:
                async with turn:
                    received = await _unless(stop, self._first(receiver))
                self._away = False
                while received:
                    await self._handle(receiver, received)
                    received = await self._next(receiver) if self._sessions and not stop.is_set() else None
                if not self._sessions:
                    self._idle.append(receiver)
                    continue
            except OperationTimeoutError:
                pass  # no session that nobody holds has messages
            except (ServiceBusError, ValueError) as error:
                if not self._away:
                    log.warning("'Functions.%s' cannot receive from %s: %s", self._function.name, self._entity, error)
                self._away = True
                await asyncio.sleep(AGAIN)
            await _close(receiver)

    def _receiver(self, client: ServiceBusClient, renewer: AutoLockRenewer) -> ServiceBusReceiver:
        entity, dead, _ = self._entity.lower().partition(DEAD_LETTER)
        options: dict[str, Any] = {"auto_lock_renewer": renewer}
        options["socket_timeout"] = PATIENT  # of a receiver: what a client is given does not reach its receivers
        if dead:
            options["sub_queue"] = ServiceBusSubQueue.DEAD_LETTER
        if self._sessions:
            options |= {"session_id": NEXT_AVAILABLE_SESSION, "max_wait_time": WAIT}
        if self._function.trigger.get("queueName"):
            return client.get_queue_receiver(entity, **options)
        topic, _, subscription = entity.partition("/")
        return client.get_subscription_receiver(topic, subscription, **options)

    async def _first(self, receiver: ServiceBusReceiver) -> Messages:
        """Wait for messages, or for a session that nobody holds and its messages."""
        await receiver.__aenter__()
        if self._sessions:
            _reads(receiver, BRIEF)
            return await self._next(receiver)
        _reads(receiver, BRIEF if self._many else PATIENT)  # the SDK fills a batch by reads, to the last one's end
        received = await receiver.receive_messages(self._batch, WAIT)
        _reads(receiver, BRIEF)
        return received

    async def _next(self, receiver: ServiceBusReceiver) -> Messages:
        """The next messages of a session, none where it has none for a while."""
        return await receiver.receive_messages(self._batch, self._options.session_idle_timeout)

    async def _handle(self, receiver: ServiceBusReceiver, received: Messages) -> None:
        data, metadata = messages.many(received) if self._many else messages.one(received[0])
        first = received[0]
        details = (
            f"MessageId: {first.message_id}, SequenceNumber: {first.sequence_number}, DeliveryCount: "
            f"{(first.delivery_count or 0) + 1}, SessionId: {first.session_id}, MessageCount: {len(received)}"
        )
        settle = receiver.complete_message
        try:
            trace = (messages.trace_parent(first), "")
            await self._invoker.run(self._function, data, details=details, metadata=metadata, trace=trace)
        except InvocationFailed:
            settle = receiver.abandon_message
        for message in received:
            await settle(message)


def _reads(receiver: ServiceBusReceiver, seconds: float) -> None:
    """Let reads on its connection last so long. The SDK's writes wait for its reads, and short reads cost CPU."""
    if receiver._handler:  # the SDK itself sets it for a whole receiver
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
