"""Service Bus triggers: peek-lock receivers on a queue, a subscription, a dead-letter queue, or on sessions of one.

A message is completed when its function has succeeded, abandoned when it has raised
(learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger).
"""

import asyncio
import json
import logging
import os
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError

from local.host.indexing import Function, Refused, ServiceBus
from local.host.protos import Message, TypedData
from local.host.worker import InvocationFailed, Worker

log = logging.getLogger("host")
Messages = Sequence[ServiceBusReceivedMessage]
AS_NAMED = (  # trigger metadata of the same names as the SDK's properties
    "content_type", "correlation_id", "dead_letter_error_description", "dead_letter_reason", "dead_letter_source",
    "enqueued_sequence_number", "enqueued_time_utc", "expires_at_utc", "lock_token", "message_id", "partition_key",
    "reply_to", "reply_to_session_id", "scheduled_enqueue_time_utc", "sequence_number", "session_id", "state",
    "subject", "to",
)  # fmt: skip
DEAD_LETTER = "/$deadletterqueue"
PATIENT, BRIEF = 2.0, 0.1  # seconds that one read of a connection lasts while it waits for work, and while it has some
WAITING = 2  # receivers that wait for a session at a time: opening one takes the SDK half a second
WAIT = 300.0  # seconds that one request for messages or a session lasts
TLS = ssl.create_default_context()  # the SDK makes one for each connection otherwise, even for plain TCP
AGAIN = 1.0  # seconds before the bus is tried again


class ServiceBusTrigger:
    """Feeds one function from one entity."""

    def __init__(self, function: Function, worker: Worker, options: ServiceBus) -> None:
        """Raises Refused."""
        self._function = function
        self._worker = worker
        self._options = options
        binding = function.trigger
        name = binding.get("connection") or "AzureWebJobsServiceBus"
        connection = os.environ.get(name) or os.environ.get(f"AzureWebJobs{name}") or ""
        if not connection:
            raise Refused(f"Function '{function.name}': the app setting '{name}' must be a connection string")
        if not binding.get("autoCompleteMessages", True):
            raise Refused(f"Function '{function.name}': a Python function cannot settle its message by itself")
        path = (binding.get("topicName"), binding.get("subscriptionName"))
        self._entity = str(binding.get("queueName") or "/".join(filter(None, path)))
        self._sessions = bool(binding.get("isSessionsEnabled"))
        self._many = str(binding.get("cardinality", "ONE")).upper() == "MANY"
        self._batch = options.max_message_batch_size if self._many else 1
        self._client = ServiceBusClient.from_connection_string(connection, ssl_context=TLS, retry_total=1)
        self._turn = asyncio.Semaphore(WAITING if self._sessions else 1)  # to wait for messages
        self._idle: list[ServiceBusReceiver] = []
        self._away = False

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop`; then let what is held finish, and give the rest back. Survives the bus being away."""
        limit = self._options.max_concurrent_sessions if self._sessions else self._options.max_concurrent_calls
        longest = min(self._options.max_auto_lock_renewal_duration, 1e9)  # the SDK's dates end before infinity
        async with self._client, AutoLockRenewer(longest) as renewer:
            async with asyncio.TaskGroup() as calls:
                for _ in range(1 if self._many and not self._sessions else limit):
                    calls.create_task(self._work(renewer, stop))
            await asyncio.gather(*(_close(receiver) for receiver in self._idle))

    async def _work(self, renewer: AutoLockRenewer, stop: asyncio.Event) -> None:
        """One of those that may run at a time: wait in turn for messages, handle them.

        A receiver that waits handles nothing: one of this SDK cannot do both without delay.
        """
        while not stop.is_set():
            receiver = self._idle.pop() if self._idle else self._receiver(renewer)
            try:
                async with self._turn:
                    received = await self._wait(receiver, stop)
                self._away = False
                while received:
                    await self._handle(receiver, received)
                    received = await self._next(receiver) if self._sessions and not stop.is_set() else []
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

    def _receiver(self, renewer: AutoLockRenewer) -> ServiceBusReceiver:
        entity, dead, _ = self._entity.lower().partition(DEAD_LETTER)
        options: dict[str, Any] = {"auto_lock_renewer": renewer}
        options["socket_timeout"] = PATIENT  # of a receiver: what a client is given does not reach its receivers
        if dead:
            options["sub_queue"] = ServiceBusSubQueue.DEAD_LETTER
        if self._sessions:
            options |= {"session_id": NEXT_AVAILABLE_SESSION, "max_wait_time": WAIT}
        if self._function.trigger.get("queueName"):
            return self._client.get_queue_receiver(entity, **options)
        topic, _, subscription = entity.partition("/")
        return self._client.get_subscription_receiver(topic, subscription, **options)

    async def _wait(self, receiver: ServiceBusReceiver, stop: asyncio.Event) -> Messages:
        """The first messages of a receiver; none where `stop` comes before them."""
        if stop.is_set():
            return []
        first, stopping = asyncio.create_task(self._first(receiver)), asyncio.create_task(stop.wait())
        await asyncio.wait({first, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        _reads(receiver, BRIEF)
        first.cancel()  # does nothing to what is done
        with suppress(asyncio.CancelledError):
            return await first
        return []

    async def _first(self, receiver: ServiceBusReceiver) -> Messages:
        """Wait for messages, or for a session that nobody holds and its messages."""
        await receiver.__aenter__()
        if self._sessions:
            _reads(receiver, BRIEF)
            return await self._next(receiver)
        _reads(receiver, BRIEF if self._many else PATIENT)  # the SDK fills a batch by reads, to the last one's end
        return await receiver.receive_messages(self._batch, WAIT)

    async def _next(self, receiver: ServiceBusReceiver) -> Messages:
        """The next messages of a session, none where it has none for a while."""
        return await receiver.receive_messages(self._batch, self._options.session_idle_timeout)

    async def _handle(self, receiver: ServiceBusReceiver, received: Messages) -> None:
        data, metadata = _many(received) if self._many else _one(received[0])
        settle = receiver.complete_message
        try:
            await self._worker.run(self._function, data, metadata=metadata, trace=_trace(received[0]))
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


def _body(message: ServiceBusReceivedMessage) -> bytes:
    """The body's data sections; a body that has none, as text."""
    raw = message.body
    if message.body_type is AmqpMessageBodyType.DATA:
        return raw if isinstance(raw, bytes) else b"".join(raw)
    return _text(raw).encode()


def _one(message: ServiceBusReceivedMessage) -> tuple[TypedData, dict[str, TypedData]]:
    """The trigger's value, text where it is UTF-8, and its metadata for cardinality `one`, which the metadata
    `UserProperties` tells of.
    """
    try:
        value = TypedData(string=_body(message).decode())
    except UnicodeDecodeError:
        value = TypedData(bytes=_body(message))
    properties = _properties(message)
    return value, {name: _json(each) for name, each in properties.items() if each is not None}


def _many(messages: Messages) -> tuple[TypedData, dict[str, TypedData]]:
    """The same for cardinality `many`: bodies in a collection, each property as a JSON array `…Array`."""
    rows = [_properties(message) for message in messages]
    columns = {f"{name}Array": _json([row[name] for row in rows]) for name in rows[0]}
    return TypedData(collection_bytes=Message(bytes=[_body(message) for message in messages])), columns


def _properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """The broker's and the sender's properties by the names of the trigger's metadata; None where there is none."""
    own = {_text(name): value for name, value in (message.application_properties or {}).items()}
    return {name.title().replace("_", ""): getattr(message, name) for name in AS_NAMED} | {
        "ApplicationProperties": own,
        "UserProperties": own,
        "DeliveryCount": (message.delivery_count or 0) + 1,  # AMQP counts failed deliveries, .NET this one too
        "Label": message.subject,
        "LockedUntil": message.locked_until_utc,
        # A time span is `hh:mm:ss`; none from a day on: azure-functions 2.3.0 cannot parse such a one.
        "TimeToLive": span if (span := message.time_to_live) and not span.days else None,
    }


def _trace(message: ServiceBusReceivedMessage) -> tuple[str, str]:
    """The W3C trace that the sender put on the message; empty where it put none."""
    own: Any = message.application_properties or {}
    return _text(own.get(b"Diagnostic-Id") or own.get(b"traceparent") or ""), ""


def _json(value: Any) -> TypedData:
    return TypedData(json=json.dumps(value, default=_text))


def _text(value: Any) -> str:
    match value:
        case bytes():
            return value.decode(errors="replace")
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case timedelta():
            return str(timedelta(seconds=int(value.total_seconds()))).zfill(8)
    return str(value)
