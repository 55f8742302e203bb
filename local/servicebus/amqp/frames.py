"""The performatives of AMQP 1.0 (specification, 2.7 and 5.3.3), as frames.

They are sent with every field, nulls at the end included, because older Azure SDKs do not look at the length of a list.
"""

from types import SimpleNamespace
from typing import Any

from local.servicebus.amqp.codec import Described, Symbol, Ubyte, Uint, Ulong, Ushort, decode, encode, filled
from local.servicebus.refused import DecodeError, Refused

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

_TYPES: dict[str, type] = {
    "": object, "bool": bool, "string": str, "binary": bytes, "map": dict, "described": Described,
    "ubyte": Ubyte, "ushort": Ushort, "uint": Uint, "ulong": Ulong,
}  # fmt: skip
_FIELDS = {
    kind: [
        (name, _TYPES[type_], text.endswith("!"))
        for text in fields.split()
        for name, _, type_ in (text.rstrip("!").partition(":"),)
    ]
    for kind, (_, fields) in _PERFORMATIVES.items()
}
_EMPTY = {kind: {"kind": kind, **{name: None for name, *_ in fields}} for kind, fields in _FIELDS.items()}
_KINDS = {code: kind for kind, (code, _) in _PERFORMATIVES.items()}
_SASL = 0x40  # descriptors from here on are of SASL, and travel in frames of another type


class Frame(SimpleNamespace):
    """A performative: `kind` is its name, its fields are attributes, None where nothing is given."""

    def __init__(self, kind: str, **fields: Any) -> None:
        super().__init__(**_EMPTY[kind] | fields)


def encode_frame(channel: int, frame: Frame, payload: bytes = b"") -> bytes:
    """One frame, ready for the socket; plain numbers become what their fields are."""
    fields = [(getattr(frame, name), type_) for name, type_, _ in _FIELDS[frame.kind]]
    values = [value if value is None or isinstance(value, type_) else type_(value) for value, type_ in fields]
    code = _PERFORMATIVES[frame.kind][0]
    body = bytes((0x00, 0x53, code)) + encode(values) + payload
    return (len(body) + 8).to_bytes(4) + bytes((2, code >= _SASL)) + channel.to_bytes(2) + body


def decode_frame(sasl: bool, body: bytes) -> tuple[Frame, bytes]:
    """The performative of a frame's body and the payload behind it. Raises DecodeError."""
    described, end = decode(body)
    code, values = described if isinstance(described, Described) else (None, None)
    kind = _KINDS.get(code) if isinstance(code, Ulong) and (code >= _SASL) == sasl else None
    if kind is None:
        raise DecodeError("not a performative")
    frame = Frame(kind)
    for (name, type_, required), value in zip(_FIELDS[kind], filled(values, len(_FIELDS[kind])), strict=True):
        if not isinstance(value, type_) and (required or value is not None):
            raise DecodeError(f"{value!r} is no value for the field {name}")
        setattr(frame, name, value)
    return frame, body[end:]


def settlement(role: bool, number: int, state: Described) -> Frame:
    """What became of one delivery: never of a range, since pyamqp waits for each by its own number."""
    return Frame("disposition", role=role, first=number, last=number, settled=True, state=state, batchable=False)


def amqp_error(refusal: Refused) -> Described:
    """An error, always of three fields: a shorter one makes Azure's Python SDK hang."""
    return Described(Ulong(0x1D), [Symbol(refusal.condition), refusal.description, None])
