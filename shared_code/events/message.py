"""Messages of Service Bus in our own terms: triggers and the bus translate, everything else knows only these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from shared_code.domain.events.envelope import CloudEvent, data_address

Property = str | int | float | bool

LARGE = 48_000  # bytes of one event in a message; Service Bus takes 256 KB with all properties, batches too
CONTENT_TYPE = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to send. Duplicate detection goes by `message_id`, order by `session_id` (128 characters each).

    With `due` it is scheduled: delivered from that moment on.
    """

    body: bytes
    message_id: str
    session_id: str
    content_type: str = CONTENT_TYPE
    properties: Mapping[str, Property] = field(default_factory=dict)
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message as a trigger received it. `delivery_count` is 1 the first time, as the Functions host counts.

    `enqueued_at` is when the bus accepted it, `sequence` its number there; where nobody said, they are None and 0.
    """

    body: bytes
    message_id: str = ""
    session_id: str = ""
    delivery_count: int = 1
    content_type: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)
    enqueued_at: datetime | None = None
    sequence: int = 0


def body_of(event: CloudEvent) -> bytes:
    """An event as a message's body.

    Of a large one the body has `dataref` in place of `data`: subscribers of ours find the data in the store.
    """
    body = event.encode()
    return body if len(body) <= LARGE else replace(event, data={}, dataref=data_address(event)).encode()
