"""The performatives of AMQP 1.0 (specification, 2.7 and 5.3.3), as frames.

They are sent with every field, explicit nulls at the end included, because older Azure SDKs read fields by position
without looking at the length; on arrival, missing fields are filled in.
"""

from __future__ import annotations

from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

from local.servicebus.amqp.codec import decode, encode, encode_list
from local.servicebus.amqp.values import DecodeError, Described, Symbol, Ubyte, Uint, Ulong, Ushort

_PERFORMATIVES = {
    "open": (0x10, "container_id:string! hostname:string max_frame_size:uint channel_max:ushort idle_time_out:uint"
             " outgoing_locales incoming_locales offered_capabilities desired_capabilities properties"),
    "begin": (0x11, "remote_channel:ushort next_outgoing_id:uint! incoming_window:uint! outgoing_window:uint!"
              " handle_max:uint offered_capabilities desired_capabilities properties"),
    "attach": (0x12, "name:string! handle:uint! role:bool! snd_settle_mode:ubyte rcv_settle_mode:ubyte"
               " source:described target:described unsettled incomplete_unsettled:bool initial_delivery_count:uint"
               " max_message_size:ulong offered_capabilities desired_capabilities properties:map"),
    "flow": (0x13, "next_incoming_id:uint incoming_window:uint! next_outgoing_id:uint! outgoing_window:uint!"
             " handle:uint delivery_count:uint link_credit:uint available:uint drain:bool echo:bool properties"),
    "transfer": (0x14, "handle:uint! delivery_id:uint delivery_tag:binary message_format:uint settled:bool more:bool"
                 " rcv_settle_mode:ubyte state:described resume:bool aborted:bool batchable:bool"),
    "disposition": (0x15, "role:bool! first:uint! last:uint settled:bool state:described batchable:bool"),
    "detach": (0x16, "handle:uint! closed:bool error"),
    "end": (0x17, "error"),
    "close": (0x18, "error"),
    "mechanisms": (0x40, "mechanisms!"),
    "init": (0x41, "mechanism:string! response:binary hostname:string"),
    "outcome": (0x44, "code:ubyte! data:binary"),
}  # fmt: skip
"""Descriptor and fields of each performative, in the order of the wire; `!` marks those that cannot be null."""

_TYPES: dict[str, tuple[type | range, type]] = {
    "": (object, object), "bool": (bool, bool), "string": (str, str), "binary": (bytes, bytes), "map": (dict, dict),
    "ubyte": (range(1 << 8), Ubyte), "ushort": (range(1 << 16), Ushort), "uint": (range(1 << 32), Uint),
    "ulong": (range(1 << 64), Ulong), "described": (Described, object),
}  # fmt: skip
"""What a field of each type may be when it comes, and what it is when it leaves."""

_SASL = 0x40  # descriptors from here on are of SASL, and travel in frames of another type


_FIELDS = {
    kind: [
        (name, *_TYPES[type_], text.endswith("!"))
        for text in fields.split()
        for name, _, type_ in (text.rstrip("!").partition(":"),)
    ]
    for kind, (_, fields) in _PERFORMATIVES.items()
}
_KINDS = {code: kind for kind, (code, _) in _PERFORMATIVES.items()}


class Frame(SimpleNamespace):
    """A performative: `kind` is its name, its fields are attributes, None where nothing is given."""

    def __init__(self, kind: str, **fields: Any) -> None:
        super().__init__(kind=kind, **dict.fromkeys(name for name, *_ in _FIELDS[kind]))
        self.__dict__.update(fields)


def encode_frame(channel: int, frame: Frame, payload: bytes = b"") -> bytes:
    """One frame, ready for the socket."""
    values = []
    for name, _, wire, _ in _FIELDS[frame.kind]:
        value = getattr(frame, name)
        values.append(encode(value if value is None or wire is object else wire(value)))
    code = _PERFORMATIVES[frame.kind][0]
    body = bytes((0x00, 0x53, code)) + encode_list(values) + payload
    return (len(body) + 8).to_bytes(4) + bytes((2, code >= _SASL)) + channel.to_bytes(2) + body


def decode_frame(sasl: bool, body: bytes) -> tuple[Frame, bytes]:
    """The performative of a frame's body and the payload behind it. Raises DecodeError."""
    described, end = decode(body)
    code, values = described if isinstance(described, Described) else (None, None)
    kind = _KINDS.get(code) if isinstance(code, Ulong) and (code >= _SASL) == sasl else None
    if kind is None or not isinstance(values, list) or len(values) > len(_FIELDS[kind]):
        raise DecodeError("not a performative")
    frame = Frame(kind)
    for (name, accepted, _, required), value in zip_longest(_FIELDS[kind], values):
        if not _fits(value, accepted) and (required or value is not None):
            raise DecodeError(f"{value!r} is no value for the field {name}")
        setattr(frame, name, value)
    return frame, body[end:]


def _fits(value: Any, accepted: type | range) -> bool:
    if isinstance(accepted, range):
        return isinstance(value, int) and int(value) in accepted
    return isinstance(value, accepted)


def settlement(role: bool, number: int, state: Described) -> Frame:
    """What became of one delivery: never of a range, since pyamqp waits for each by its own number."""
    return Frame("disposition", role=role, first=number, last=number, settled=True, state=state, batchable=False)


def amqp_error(condition: str, description: str) -> Described:
    """An error, always of three fields: a shorter one makes Azure's Python SDK hang."""
    return Described(Ulong(0x1D), [Symbol(condition), description, None])
