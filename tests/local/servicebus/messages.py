"""Encoded messages, made and read section by section."""

from __future__ import annotations

from typing import Any

from local.servicebus.amqp.codec import Symbol, Timestamp, Uint, decode, encode
from local.servicebus.amqp.message import Message, parse_message

HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = range(
    0x70, 0x79
)


def section(code: int, value: object) -> bytes:
    return bytes((0x00, 0x53, code)) + encode(value)


def message_bytes(
    body: str = "body",
    *,
    message_id: object = None,
    session_id: str | None = None,
    subject: str | None = None,
    ttl: int | None = None,
    due: int | None = None,
    **properties: Any,
) -> bytes:
    parts = [section(HEADER, [True, None, None if ttl is None else Uint(ttl), None, None])]
    if due is not None:
        parts.append(section(ANNOTATIONS, {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(due)}))
    fields = [message_id, None, None, subject, *[None] * 6, session_id]
    parts.append(section(PROPERTIES, fields))
    parts.append(section(APPLICATION_PROPERTIES, properties))
    parts.append(section(DATA, body.encode()))
    return b"".join(parts)


def message(body: str = "body", **details: Any) -> Message:
    return parse_message(message_bytes(body, **details))


def sections(data: bytes) -> dict[int, Any]:
    """The decoded value of each section, the last one where there are several."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(data):
        described, at = decode(data, at)
        found[int(described.descriptor)] = described.value
    return found


def body_of(data: bytes) -> str:
    return bytes(sections(data)[DATA]).decode()
