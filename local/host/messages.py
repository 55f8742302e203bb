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

AS_NAMED = (  # trigger metadata of the same names as the SDK's properties
    "content_type", "correlation_id", "dead_letter_error_description", "dead_letter_reason", "dead_letter_source",
    "enqueued_sequence_number", "enqueued_time_utc", "expires_at_utc", "lock_token", "message_id", "partition_key",
    "reply_to", "reply_to_session_id", "scheduled_enqueue_time_utc", "sequence_number", "session_id", "state",
    "subject", "to",
)  # fmt: skip


def body(message: ServiceBusReceivedMessage) -> bytes:
    """The body's data section."""
    raw = message.body
    return raw if isinstance(raw, bytes) else str(raw).encode() if isinstance(raw, str) else b"".join(raw)


def one(message: ServiceBusReceivedMessage) -> tuple[TypedData, dict[str, TypedData]]:
    """The trigger's value, text where it is UTF-8, and its metadata for cardinality `one`, which the metadata
    `UserProperties` tells of.
    """
    try:
        value = TypedData(string=body(message).decode())
    except UnicodeDecodeError:
        value = TypedData(bytes=body(message))
    properties = _properties(message)
    return value, {name: _json(each) for name, each in properties.items() if each is not None}


def many(messages: Sequence[ServiceBusReceivedMessage]) -> tuple[TypedData, dict[str, TypedData]]:
    """The same for cardinality `many`: bodies in a collection, each property as a JSON array `…Array`."""
    rows = [_properties(message) for message in messages]
    columns = {f"{name}Array": _json([row[name] for row in rows]) for name in rows[0]}
    return TypedData(collection_bytes=Message(bytes=[body(message) for message in messages])), columns


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


def trace_parent(message: ServiceBusReceivedMessage) -> str:
    """The W3C trace that the sender put on the message; empty where it put none."""
    own: Any = message.application_properties or {}
    return _text(own.get(b"Diagnostic-Id") or own.get(b"traceparent") or "")


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
