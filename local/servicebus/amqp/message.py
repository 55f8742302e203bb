"""A message as the broker keeps it (specification, 3.2): its envelope decoded, everything else carried as it came."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.servicebus.amqp.codec import Described, Symbol, Uint, Ulong, decode, encode, filled
from local.servicebus.refused import DecodeError

HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES = range(0x70, 0x75)
DATA, SEQUENCE, VALUE, FOOTER = range(0x75, 0x79)
BATCH_FORMAT = 0x80013700  # of a delivery of which every data section is a whole message
MESSAGE_ID, REPLY_TO, CORRELATION_ID, GROUP_ID = 0, 4, 5, 10  # positions in `Message.properties`
_BROKER_ANNOTATIONS = {  # those that a client sends are dropped
    f"x-opt-{name}"
    for name in ("sequence-number", "enqueued-time", "message-state", "locked-until", "enqueue-sequence-number")
}


@dataclass(frozen=True, slots=True)
class Message:
    """`header` is durable, priority, ttl, first-acquirer; `raw` has properties, application properties and body."""

    header: list[Any]
    annotations: dict[Any, Any]
    properties: list[Any]
    ttl: int | None  # how long the sender wants it to live, in ms
    session_id: str | None
    scheduled_time: int | None  # when it is to be enqueued, in ms since 1970
    raw: dict[int, bytes]

    def application_properties(self) -> dict[str, Any]:
        """The user's own properties."""
        raw = self.raw[APPLICATION_PROPERTIES]
        return (decode(raw)[0].value or {}) if raw else {}

    def with_application_properties(self, changes: Mapping[str, Any]) -> "Message":
        """A copy with some of the user's properties set."""
        if not changes:
            return self
        changed = _section(APPLICATION_PROPERTIES, {**self.application_properties(), **changes})
        return replace(self, raw={**self.raw, APPLICATION_PROPERTIES: changed})

    def with_message_id(self) -> "Message":
        """This message, or a copy with a new id if it has none: clients rely on every message having one."""
        if self.properties[MESSAGE_ID] is not None:
            return self
        properties = [uuid.uuid4().hex, *self.properties[1:]]
        return replace(self, properties=properties, raw={**self.raw, PROPERTIES: _section(PROPERTIES, properties)})

    def encoded(
        self, delivery_count: int | None = None, ttl: int | None = None,
        annotations: Mapping[str, Any] | None = None, lock_token: uuid.UUID | None = None,
    ) -> bytes:  # fmt: skip
        """The whole message, with what the broker adds to it."""
        durable, priority, own_ttl, first_acquirer = self.header
        ttl = own_ttl if ttl is None else Uint(min(ttl, 0xFFFFFFFF))
        count = None if delivery_count is None else Uint(delivery_count)
        parts = [_section(HEADER, [durable, priority, ttl, first_acquirer, count])]
        if lock_token is not None:
            parts.append(_section(DELIVERY_ANNOTATIONS, {Symbol("x-opt-lock-token"): lock_token}))
        if merged := {**self.annotations, **{Symbol(key): value for key, value in (annotations or {}).items()}}:
            parts.append(_section(ANNOTATIONS, merged))
        return b"".join((*parts, *self.raw.values()))


def parse_message(data: bytes) -> Message:
    """Read one encoded message. Raises DecodeError for anything that clients could not read again."""
    values: dict[int, Any] = {}
    raw = dict.fromkeys((PROPERTIES, APPLICATION_PROPERTIES, DATA), b"")
    last = 0
    for code, value, section in _sections(data):
        if code < last or (code == last and code not in (DATA, SEQUENCE)):
            raise DecodeError("message sections out of order")
        last, values[code] = code, value
        if code >= PROPERTIES:
            raw[min(code, DATA)] += section
    header, properties = filled(values.get(HEADER), 5), filled(values.get(PROPERTIES), 13)
    annotations, own = values.get(ANNOTATIONS), values.get(APPLICATION_PROPERTIES)
    due = annotations.get("x-opt-scheduled-enqueue-time") if isinstance(annotations, dict) else None
    ttl, session_id = header[2], properties[GROUP_ID]
    for value, kind in ((annotations, dict), (own, dict), (ttl, Uint), (session_id, str), (due, int)):
        if not isinstance(value, kind | None):
            raise DecodeError(f"{value!r} is not of a type that its place in a message has")
    kept = {key: value for key, value in (annotations or {}).items() if key not in _BROKER_ANNOTATIONS}
    return Message(header[:4], kept, properties, ttl, session_id, due, raw)


def parse_delivery(data: bytes, message_format: int) -> list[Message]:
    """The messages of one delivery: the members of a batch, whose own envelope says nothing new, or one."""
    if message_format != BATCH_FORMAT:
        return [parse_message(data)]
    parts = [part for code, part, _ in _sections(data) if code == DATA]
    if not all(isinstance(part, bytes) for part in parts):
        raise DecodeError("a batch holds whole messages")
    return [parse_message(part) for part in parts]


def encode_answer(request: Message, status: dict[str, Any], body: object) -> bytes:
    """A response of a request-response node: the request's id, status as application properties, one value."""
    properties = [None] * CORRELATION_ID + [request.properties[MESSAGE_ID]]
    sections = ((PROPERTIES, properties), (APPLICATION_PROPERTIES, status), (VALUE, body))
    return b"".join(_section(code, value) for code, value in sections)


def amqp_value(message: Message) -> Any:
    """The body of a message that has one value for a body, None if it has another."""
    return next((value for code, value, _ in _sections(message.raw[DATA]) if code == VALUE), None)


def _sections(data: bytes) -> Iterator[tuple[int, Any, bytes]]:
    """Code, value and encoded form of each section."""
    at = 0
    while at < len(data):
        section, end = decode(data, at)
        code = section.descriptor if isinstance(section, Described) else None
        if not isinstance(code, Ulong) or not HEADER <= code <= FOOTER:
            raise DecodeError(f"no message section has the descriptor {code}")
        yield code, section.value, data[at:end]
        at = end


def _section(code: int, value: object) -> bytes:
    return bytes((0x00, 0x53, code)) + encode(value)
