"""The frames of AMQP 1.0 (specification, 2.7 and 5.3.3), as typed tuples.

They are sent with every field, explicit nulls at the end included, because older Azure SDKs read fields by position
without looking at the length; on arrival missing fields are filled in.
"""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, ClassVar, NamedTuple, get_args, get_type_hints

from local.servicebus.amqp.decode import decode
from local.servicebus.amqp.encode import encode, encode_list
from local.servicebus.amqp.values import Array, DecodeError, Described, Symbol, Ubyte, Uint, Ulong, Ushort

UbyteOrNone = Annotated[int | None, Ubyte]
UshortOrNone = Annotated[int | None, Ushort]
UintField = Annotated[int, Uint]
UintOrNone = Annotated[int | None, Uint]
UlongOrNone = Annotated[int | None, Ulong]


class Open(NamedTuple):
    """Opens a connection. Times in ms."""

    container_id: str
    hostname: str | None = None
    max_frame_size: UintOrNone = None
    channel_max: UshortOrNone = None
    idle_time_out: UintOrNone = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


class Begin(NamedTuple):
    """Begins a session on a channel. Windows count transfer frames."""

    remote_channel: UshortOrNone
    next_outgoing_id: UintField
    incoming_window: UintField
    outgoing_window: UintField
    handle_max: UintOrNone = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


class Attach(NamedTuple):
    """Attaches a link. `role` is true for the receiving end."""

    name: str
    handle: UintField
    role: bool
    snd_settle_mode: UbyteOrNone = None
    rcv_settle_mode: UbyteOrNone = None
    source: Any = None
    target: Any = None
    unsettled: Any = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: UintOrNone = None
    max_message_size: UlongOrNone = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


class Flow(NamedTuple):
    """Updates the windows of a session, and with a handle the credit of a link."""

    next_incoming_id: UintOrNone
    incoming_window: UintField
    next_outgoing_id: UintField
    outgoing_window: UintField
    handle: UintOrNone = None
    delivery_count: UintOrNone = None
    link_credit: UintOrNone = None
    available: UintOrNone = None
    drain: bool | None = None
    echo: bool | None = None
    properties: Any = None


class Transfer(NamedTuple):
    """A message or a part of one; its payload follows the performative."""

    handle: UintField
    delivery_id: UintOrNone = None
    delivery_tag: bytes | None = None
    message_format: UintOrNone = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: UbyteOrNone = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


class Disposition(NamedTuple):
    """What became of deliveries `first` to `last`; `role` is true when their receiver says it."""

    role: bool
    first: UintField
    last: UintOrNone = None
    settled: bool | None = None
    state: Any = None
    batchable: bool | None = None


class Detach(NamedTuple):
    """Detaches a link, for good when `closed`."""

    handle: UintField
    closed: bool | None = None
    error: Any = None


class End(NamedTuple):
    """Ends a session."""

    error: Any = None


class Close(NamedTuple):
    """Closes a connection."""

    error: Any = None


class SaslMechanisms(NamedTuple):
    """The ways to authenticate."""

    mechanisms: Array


class SaslInit(NamedTuple):
    """The way chosen."""

    mechanism: str
    response: bytes | None = None
    hostname: str | None = None


class SaslOutcome(NamedTuple):
    """How it went: 0 is well."""

    code: Annotated[int, Ubyte]
    data: bytes | None = None


type Performative = (
    Open
    | Begin
    | Attach
    | Flow
    | Transfer
    | Disposition
    | Detach
    | End
    | Close
    | SaslMechanisms
    | SaslInit
    | SaslOutcome
)

_CODES: dict[int, Any] = {
    **dict(enumerate((Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close), start=0x10)),
    **dict(enumerate((SaslMechanisms, SaslInit), start=0x40)),
    0x44: SaslOutcome,
}


class _Field:
    """How one field is checked on arrival and written."""

    ANYTHING: ClassVar[tuple[type, ...]] = (object,)

    def __init__(self, hint: Any) -> None:
        annotated = getattr(hint, "__metadata__", (None,))
        self.wire: type | None = annotated[0]
        plain = hint.__origin__ if self.wire else hint
        self.types = get_args(plain) if isinstance(plain, UnionType) else (plain,)
        if plain is Any:
            self.types = self.ANYTHING

    def read(self, value: Any) -> Any:
        if not isinstance(value, self.types):
            raise DecodeError(f"{value!r} where {self.types} was expected")
        return value

    def write(self, value: Any) -> bytes:
        return encode(self.wire(value) if self.wire and value is not None else value)


_FIELDS = {kind: [_Field(h) for h in get_type_hints(kind, include_extras=True).values()] for kind in _CODES.values()}
_PREFIXES = {kind: bytes((0x00, 0x53, code)) for code, kind in _CODES.items()}


def encode_frame(channel: int, performative: Performative, payload: bytes = b"") -> bytes:
    """One frame, ready for the socket."""
    kind = type(performative)
    values = [field.write(value) for field, value in zip(_FIELDS[kind], performative, strict=True)]
    body = _PREFIXES[kind] + encode_list(values) + payload
    sasl = kind in (SaslMechanisms, SaslInit, SaslOutcome)
    return (len(body) + 8).to_bytes(4) + bytes((2, sasl)) + channel.to_bytes(2) + body


def decode_performative(body: bytes) -> tuple[Performative, bytes]:
    """The performative of a frame's body and the payload behind it. Raises DecodeError."""
    described, end = decode(body)
    code = described.descriptor if isinstance(described, Described) else None
    kind = _CODES.get(code) if isinstance(code, Ulong) else None
    if kind is None or not isinstance(described.value, list) or len(described.value) > len(_FIELDS[kind]):
        raise DecodeError("not a performative")
    fields = _FIELDS[kind]
    values = described.value + [None] * (len(fields) - len(described.value))
    return kind(*(field.read(value) for field, value in zip(fields, values, strict=True))), body[end:]


def amqp_error(condition: str, description: str) -> Described:
    """An error, always of three fields: a shorter one makes Azure's Python SDK hang."""
    return Described(Ulong(0x1D), [Symbol(condition), description, None])
