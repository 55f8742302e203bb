"""Python values to AMQP 1.0 bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from local.servicebus.amqp.values import FIXED, UUIDS, Array, Described, Opaque, Symbol, Uint, Ulong

type Encoder = Callable[[Any], bytes]


def encode(value: object) -> bytes:
    """Encode one value. Raises TypeError for a type that AMQP does not have."""
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"AMQP has no type for {type(value).__name__}")
    return encoder(value)


def encode_list(items: list[bytes]) -> bytes:
    """A list of values that are encoded already."""
    return _compound(0xC0, 0xD0, len(items), b"".join(items)) if items else b"\x45"


def _map(value: dict[Any, Any]) -> bytes:
    body = b"".join([encode(part) for item in value.items() for part in item])
    return _compound(0xC1, 0xD1, 2 * len(value), body)


def _compound(short: int, long: int, count: int, body: bytes) -> bytes:
    if count <= 255 and len(body) < 255:
        return bytes((short, len(body) + 1, count)) + body
    return bytes((long,)) + (len(body) + 4).to_bytes(4) + count.to_bytes(4) + body


def _array(value: Array) -> bytes:
    items: Iterable[bytes]
    if value.code in FIXED:
        items = map(FIXED[value.code][0].pack, value)
    elif value.code == UUIDS:
        items = (item.bytes for item in value)
    else:
        raw = (item.encode() if isinstance(item, str) else item for item in value)
        items = (len(data).to_bytes(4) + data for data in raw)
    body = bytes((value.code,)) + b"".join(items)
    return b"\xf0" + (len(body) + 4).to_bytes(4) + len(value).to_bytes(4) + body


def _fixed(code: int) -> Encoder:
    prefix, pack = bytes((code,)), FIXED[code][0].pack
    return lambda value: prefix + pack(value)


def _unsigned(zero: int, small: int, wide: Encoder) -> Encoder:
    def encoder(value: int) -> bytes:
        if 0 < value <= 255:
            return bytes((small, value))
        return wide(value) if value else bytes((zero,))

    return encoder


def _variable(short: int, raw: Encoder) -> Encoder:
    def encoder(value: Any) -> bytes:
        data = raw(value)
        if len(data) <= 255:
            return bytes((short, len(data))) + data
        return bytes((short + 0x10,)) + len(data).to_bytes(4) + data

    return encoder


_ENCODERS: dict[type, Encoder] = {
    **{kind: _fixed(code) for code, (_, kind) in FIXED.items()},
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    Uint: _unsigned(0x43, 0x52, _fixed(0x70)),
    Ulong: _unsigned(0x44, 0x53, _fixed(0x80)),
    Opaque: bytes,
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: _variable(0xA0, bytes),
    str: _variable(0xA1, str.encode),
    Symbol: _variable(0xA3, str.encode),
    list: lambda value: encode_list([encode(item) for item in value]),
    dict: _map,
    Array: _array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}
