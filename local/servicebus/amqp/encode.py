"""Python values to AMQP 1.0 bytes, in the shortest form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from local.servicebus.amqp.values import (
    FIXED,
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
)

type Encoder = Callable[[Any], bytes]


def encode(value: object) -> bytes:
    """Encode one value. Raises TypeError for a type that AMQP does not have."""
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"AMQP has no type for {type(value).__name__}")
    return encoder(value)


def encode_list(items: list[bytes]) -> bytes:
    """A list of values that are encoded already."""
    return _compound(0xC0, 0xD0, len(items), b"".join(items))


def encode_map(count: int, body: bytes) -> bytes:
    """A map of `count` entries whose keys and values are encoded already, one behind the other, in `body`."""
    return _compound(0xC1, 0xD1, 2 * count, body)


def _compound(short: int, long: int, count: int, body: bytes) -> bytes:
    if count <= 255 and len(body) < 255:
        return bytes((short, len(body) + 1, count)) + body
    return bytes((long,)) + (len(body) + 4).to_bytes(4) + count.to_bytes(4) + body


def _fixed(code: int) -> Encoder:
    prefix, pack = bytes((code,)), FIXED[code][0].pack
    return lambda value: prefix + pack(value)


def _unsigned(zero: int, small: int, wide: Encoder) -> Encoder:
    def encoder(value: int) -> bytes:
        if 0 < value <= 255:
            return bytes((small, value))
        return wide(value) if value else bytes((zero,))

    return encoder


def _signed(small: int, wide: Encoder) -> Encoder:
    return lambda value: bytes((small, value & 255)) if -128 <= value <= 127 else wide(value)


def _variable(short: int, long: int, raw: Encoder) -> Encoder:
    def encoder(value: Any) -> bytes:
        data = raw(value)
        if len(data) <= 255:
            return bytes((short, len(data))) + data
        return bytes((long,)) + len(data).to_bytes(4) + data

    return encoder


def _map(value: dict[Any, Any]) -> bytes:
    return encode_map(len(value), b"".join(encode(part) for item in value.items() for part in item))


def _array(value: Array) -> bytes:
    body = bytes((value.code,)) + b"".join(_elements(value.code, value))
    return b"\xf0" + (len(body) + 4).to_bytes(4) + len(value).to_bytes(4) + body


def _elements(code: int, values: Iterable[Any]) -> Iterable[bytes]:
    if code == 0x98:
        return (value.bytes for value in values)
    if code in FIXED:
        return map(FIXED[code][0].pack, values)
    raw = ((value.encode() if isinstance(value, str) else value) for value in values)
    return (len(data).to_bytes(4) + data for data in raw)


_ENCODERS: dict[type, Encoder] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    Ubyte: _fixed(0x50),
    Ushort: _fixed(0x60),
    Uint: _unsigned(0x43, 0x52, _fixed(0x70)),
    Ulong: _unsigned(0x44, 0x53, _fixed(0x80)),
    Byte: _fixed(0x51),
    Short: _fixed(0x61),
    Int: _signed(0x54, _fixed(0x71)),
    int: _signed(0x55, _fixed(0x81)),
    Float: _fixed(0x72),
    float: _fixed(0x82),
    Decimal: lambda value: bytes(({4: 0x74, 8: 0x84, 16: 0x94}[len(value)],)) + value,
    Char: _fixed(0x73),
    Timestamp: _fixed(0x83),
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: _variable(0xA0, 0xB0, bytes),
    str: _variable(0xA1, 0xB1, str.encode),
    Symbol: _variable(0xA3, 0xB3, str.encode),
    list: lambda value: encode_list([encode(item) for item in value]) if value else b"\x45",
    dict: _map,
    Array: _array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}
