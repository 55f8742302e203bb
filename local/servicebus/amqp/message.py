"""A message as the broker keeps it (specification, 3.2): envelope decoded, everything else carried as it came."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from local.servicebus.amqp.decode import decode, skip
from local.servicebus.amqp.encode import encode, encode_list, encode_map
from local.servicebus.amqp.values import DecodeError, Symbol, Uint, Ulong

HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE = range(0x70, 0x77)
FOOTER = 0x78
BATCH_FORMAT = 0x80013700
"""Message format of a batch: every data section is a whole message."""

MESSAGE_ID, TO, SUBJECT, REPLY_TO, CORRELATION_ID, CONTENT_TYPE, GROUP_ID, REPLY_TO_GROUP_ID = 0, 2, 3, 4, 5, 6, 10, 12
_PROPERTY_COUNT = 13

_BROKER_ANNOTATIONS = frozenset(
    f"x-opt-{name}"
    for name in (
        "sequence-number",
        "enqueued-time",
        "message-state",
        "locked-until",
        "enqueue-sequence-number",
        "deadletter-source",
        "lock-token",
    )
)


class Header(NamedTuple):
    """The client's delivery instructions; `ttl` in ms."""

    durable: bool | None = None
    priority: int | None = None
    ttl: int | None = None
    first_acquirer: bool | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """`bare` holds properties, application properties, body and footer as the sender encoded them."""

    header: Header
    annotations: dict[str, Any]
    properties: list[Any]
    bare: bytes

    @property
    def session_id(self) -> str | None:
        """The session that the message belongs to."""
        value = self.properties[GROUP_ID]
        return value if isinstance(value, str) else None

    @property
    def scheduled_time(self) -> int | None:
        """When it is to be enqueued, in ms since 1970."""
        value = self.annotations.get("x-opt-scheduled-enqueue-time")
        return int(value) if isinstance(value, int) else None

    def application_properties(self) -> dict[str, Any]:
        """The user's own properties."""
        for code, start, end in _sections(self.bare):
            if code == APPLICATION_PROPERTIES:
                return dict(decode(self.bare[start:end])[0].value or {})
        return {}

    def with_application_properties(self, changes: dict[str, Any]) -> Message:
        """A copy with some of the user's properties set."""
        if not changes:
            return self
        section = _section(APPLICATION_PROPERTIES, encode({**self.application_properties(), **changes}))
        before = b"".join(self.bare[s:e] for code, s, e in _sections(self.bare) if code < APPLICATION_PROPERTIES)
        after = b"".join(self.bare[s:e] for code, s, e in _sections(self.bare) if code > APPLICATION_PROPERTIES)
        return replace(self, bare=before + section + after)

    def with_message_id(self) -> Message:
        """This message, or a copy with a new id if it has none: clients rely on every message having one."""
        if self.properties[MESSAGE_ID] is not None:
            return self
        properties = [uuid.uuid4().hex, *self.properties[1:]]
        rest = b"".join(self.bare[s:e] for code, s, e in _sections(self.bare) if code != PROPERTIES)
        section = _section(PROPERTIES, encode_list([encode(value) for value in properties]))
        return replace(self, properties=properties, bare=section + rest)

    def encoded(
        self,
        delivery_count: int | None = None,
        ttl: int | None = None,
        annotations: dict[str, Any] | None = None,
        delivery_annotations: dict[str, Any] | None = None,
    ) -> bytes:
        """The whole message, with what the broker adds to it."""
        header: list[object] = list(self.header)
        if ttl is not None:
            header[2] = Uint(min(ttl, 0xFFFFFFFF))
        header.append(None if delivery_count is None else Uint(delivery_count))
        parts = [_section(HEADER, encode_list([encode(value) for value in header]))]
        if delivery_annotations:
            parts.append(_section(DELIVERY_ANNOTATIONS, _symbol_map(delivery_annotations)))
        if merged := {**self.annotations, **(annotations or {})}:
            parts.append(_section(ANNOTATIONS, _symbol_map(merged)))
        return b"".join((*parts, self.bare))


def parse_message(data: bytes) -> Message:
    """Read one encoded message. Raises DecodeError for anything that clients could not read again."""
    header, annotations = Header(), {}
    properties: list[Any] = [None] * _PROPERTY_COUNT
    bare, last = len(data), 0
    for code, start, end in _sections(data):
        if code < last or (code == last and code not in (DATA, SEQUENCE)):
            raise DecodeError("message sections out of order")
        last = code
        if code >= PROPERTIES:
            bare = min(bare, start)
        if code > APPLICATION_PROPERTIES or code == DELIVERY_ANNOTATIONS:
            continue
        value = decode(data[start:end])[0].value
        if code == HEADER:
            header = Header(*_fields(value, 5)[:4])
            if not isinstance(header.ttl, int | None):
                raise DecodeError("time to live is a number")
        elif code == PROPERTIES:
            properties = _fields(value, _PROPERTY_COUNT)
        elif not isinstance(value, dict | None):
            raise DecodeError("annotations and application properties are maps")
        elif code == ANNOTATIONS and value:
            annotations = {key: item for key, item in value.items() if key not in _BROKER_ANNOTATIONS}
    return Message(header, annotations, properties, data[bare:])


def parse_delivery(data: bytes, message_format: int) -> list[Message]:
    """The messages of one delivery: the members of a batch, whose own envelope says nothing new, or one."""
    if message_format != BATCH_FORMAT:
        return [parse_message(data)]
    parts = [decode(data[start:end])[0].value for code, start, end in _sections(data) if code == DATA]
    if not all(isinstance(part, bytes) for part in parts):
        raise DecodeError("a batch holds whole messages")
    return [parse_message(part) for part in parts]


def encode_answer(correlation_id: object, status: dict[str, Any], body: object) -> bytes:
    """A response of a request-response node: correlation, status as application properties, one value."""
    properties = [None] * CORRELATION_ID + [correlation_id]
    parts = ((PROPERTIES, properties), (APPLICATION_PROPERTIES, status), (0x77, body))
    return b"".join(_section(code, encode(value)) for code, value in parts)


def amqp_value(message: Message) -> Any:
    """The body of a message that has one value for a body. Raises DecodeError if it has another."""
    for code, start, end in _sections(message.bare):
        if code == 0x77:
            return decode(message.bare[start:end])[0].value
    raise DecodeError("a request's body is one AMQP value")


def _sections(data: bytes) -> list[tuple[int, int, int]]:
    """Descriptor, start and end of every section."""
    found, at = [], 0
    while at < len(data):
        end = skip(data, at)
        if data[at] != 0:
            raise DecodeError("a message section has a descriptor")
        code = decode(data, at + 1)[0]
        if not isinstance(code, Ulong) or not HEADER <= code <= FOOTER:
            raise DecodeError(f"no message section has the descriptor {code!r}")
        found.append((int(code), at, end))
        at = end
    return found


def _section(code: int, encoded: bytes) -> bytes:
    return bytes((0x00, 0x53, code)) + encoded


def _symbol_map(values: dict[str, Any]) -> bytes:
    return encode_map(len(values), b"".join(encode(Symbol(key)) + encode(value) for key, value in values.items()))


def _fields(value: object, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > count:
        raise DecodeError("a message section with too many fields")
    return value + [None] * (count - len(value))
