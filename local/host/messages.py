"""Service Bus messages as the Functions host hands them to the Python worker.

Trigger metadata: learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger#message-metadata.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage

from local.host.protos import Message, TypedData


def body(message: ServiceBusReceivedMessage) -> bytes:
    """The body's data section."""
    raw = message.body
    return raw if isinstance(raw, bytes) else str(raw).encode() if isinstance(raw, str) else b"".join(raw)


def one(message: ServiceBusReceivedMessage) -> tuple[TypedData, dict[str, TypedData]]:
    """The trigger's value, text where it is UTF-8, and its metadata for cardinality `one`; the metadata
    `UserProperties` is what says so.
    """
    data = body(message)
    try:
        value = TypedData(string=data.decode())
    except UnicodeDecodeError:
        value = TypedData(bytes=data)
    return value, {name: _metadata(each) for name, each in properties(message).items() if each is not None}


def many(messages: Sequence[ServiceBusReceivedMessage]) -> tuple[TypedData, dict[str, TypedData]]:
    """The same for cardinality `many`: bodies in a collection, each property as a JSON array `…Array`."""
    rows = [properties(message) for message in messages]
    columns = {f"{name}Array": TypedData(json=json.dumps([row[name] for row in rows], default=str)) for name in rows[0]}
    return TypedData(collection_bytes=Message(bytes=[body(message) for message in messages])), columns


def _metadata(value: Any) -> TypedData:
    return TypedData(string=value) if isinstance(value, str) else TypedData(json=json.dumps(value, default=str))


def properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """The broker's and the sender's properties by the names of the trigger's metadata; None where there is none."""
    own = {_text(name): _text(value) for name, value in (message.application_properties or {}).items()}
    return {
        "ApplicationProperties": own,
        "UserProperties": own,
        "ContentType": message.content_type,
        "CorrelationId": message.correlation_id,
        "DeadLetterErrorDescription": message.dead_letter_error_description,
        "DeadLetterReason": message.dead_letter_reason,
        "DeadLetterSource": message.dead_letter_source,
        "DeliveryCount": (message.delivery_count or 0) + 1,  # AMQP counts failed deliveries, .NET this one too
        "EnqueuedSequenceNumber": message.enqueued_sequence_number,
        "EnqueuedTimeUtc": _time(message.enqueued_time_utc),
        "ExpiresAtUtc": _time(message.expires_at_utc),
        "Label": message.subject,
        "LockToken": str(message.lock_token),
        "LockedUntil": _time(message.locked_until_utc),
        "MessageId": message.message_id,
        "PartitionKey": message.partition_key,
        "ReplyTo": message.reply_to,
        "ReplyToSessionId": message.reply_to_session_id,
        "ScheduledEnqueueTimeUtc": _time(message.scheduled_enqueue_time_utc),
        "SequenceNumber": message.sequence_number,
        "SessionId": message.session_id,
        "State": message.state.value,
        "Subject": message.subject,
        "TimeToLive": _span(message.time_to_live),
        "To": message.to,
    }


def trace_parent(message: ServiceBusReceivedMessage) -> str:
    """The W3C trace that the sender put on the message; empty where it put none."""
    own: Any = message.application_properties or {}
    return str(_text(own.get(b"Diagnostic-Id") or own.get(b"traceparent") or ""))


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def _span(span: timedelta | None) -> str | None:
    """`hh:mm:ss`; None from a day on, which azure-functions 2.3.0 cannot parse in any spelling."""
    return None if span is None or span.days else str(timedelta(seconds=int(span.total_seconds()))).zfill(8)
