"""Service Bus messages as the Functions host hands them to the Python worker.

Trigger metadata: learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger#message-metadata.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage

from local.host.protos import Message, TypedData

AS_NAMED = (  # trigger metadata of the same names as the SDK's properties
    "content_type", "correlation_id", "dead_letter_error_description", "dead_letter_reason", "dead_letter_source",
    "enqueued_sequence_number", "enqueued_time_utc", "expires_at_utc", "lock_token", "message_id", "partition_key",
    "reply_to", "reply_to_session_id", "scheduled_enqueue_time_utc", "sequence_number", "session_id", "state",
    "subject", "time_to_live", "to",
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
    named = {name: each for name, each in _properties(message).items() if each is not None}
    return value, {name: TypedData(json=json.dumps(each)) for name, each in named.items()}


def many(messages: Sequence[ServiceBusReceivedMessage]) -> tuple[TypedData, dict[str, TypedData]]:
    """The same for cardinality `many`: bodies in a collection, each property as a JSON array `…Array`."""
    rows = [_properties(message) for message in messages]
    columns = {f"{name}Array": TypedData(json=json.dumps([row[name] for row in rows])) for name in rows[0]}
    return TypedData(collection_bytes=Message(bytes=[body(message) for message in messages])), columns


def _properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """The broker's and the sender's properties by the names of the trigger's metadata; None where there is none."""
    own = {_plain(name): _plain(value) for name, value in (message.application_properties or {}).items()}
    return {name.title().replace("_", ""): _plain(getattr(message, name)) for name in AS_NAMED} | {
        "ApplicationProperties": own,
        "UserProperties": own,
        "DeliveryCount": (message.delivery_count or 0) + 1,  # AMQP counts failed deliveries, .NET this one too
        "Label": message.subject,
        "LockedUntil": _plain(message.locked_until_utc),
    }


def trace_parent(message: ServiceBusReceivedMessage) -> str:
    """The W3C trace that the sender put on the message; empty where it put none."""
    own: Any = message.application_properties or {}
    return str(_plain(own.get(b"Diagnostic-Id") or own.get(b"traceparent") or ""))


def _plain(value: Any) -> Any:
    """As JSON has it. A time span is `hh:mm:ss`; None from a day on: azure-functions 2.3.0 cannot parse such a one."""
    match value:
        case bytes():
            return value.decode(errors="replace")
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case timedelta():
            return None if value.days else str(timedelta(seconds=int(value.total_seconds()))).zfill(8)
        case Enum():
            return value.value
        case str() | bool() | int() | float() | None:
            return value
    return str(value)
