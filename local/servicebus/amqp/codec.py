"""AMQP 1.0 values as bytes (specification, part 1): read in every form that clients choose, written in one.

A type stays with a value from one client to the next, since Azure's SDKs show it to the user. Python's `int` stands for
long, `float` for double, `str` for string, `bytes` for binary, `tuple` for an array; others have classes here. What the
SDKs do not send is not read: characters, decimals, arrays of compound values.
"""

import struct
from collections.abc import Callable
from functools import partial
from itertools import batched
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from local.servicebus.refused import DecodeError


def _kind[T](base: type[T], name: str) -> type[T]:
    return type(name, (base,), {})


Ubyte, Ushort, Uint, Ulong = (_kind(int, name) for name in ("Ubyte", "Ushort", "Uint", "Ulong"))
Byte, Short, Int, Timestamp = (_kind(int, name) for name in ("Byte", "Short", "Int", "Timestamp"))
"""A timestamp is milliseconds since 1970, UTC."""
Float, Symbol = _kind(float, "Float"), _kind(str, "Symbol")


class Described(NamedTuple):
    """A value with a descriptor, a Ulong or Symbol, that gives it meaning."""

    descriptor: Any
    value: Any


_FIXED: dict[int, tuple[type, str]] = {
    0x50: (Ubyte, "B"), 0x60: (Ushort, "H"), 0x52: (Uint, "B"), 0x70: (Uint, "I"), 0x53: (Ulong, "B"),
    0x80: (Ulong, "Q"), 0x51: (Byte, "b"), 0x61: (Short, "h"), 0x54: (Int, "b"), 0x71: (Int, "i"),
    0x55: (int, "b"), 0x81: (int, "q"), 0x83: (Timestamp, "q"), 0x56: (bool, "?"), 0x98: (UUID, "16s"),
    0x72: (Float, "f"), 0x82: (float, "d"),
}  # fmt: skip
"""Constructors of values of fixed width: type, and form in the language of `struct`. Of two, the last is written."""
_WIDER = 0x10  # from a constructor whose size is of one byte to that whose size is of four
_TEXTS: dict[int, Callable[[bytes], Any]] = {0xA0: bytes, 0xA1: bytes.decode, 0xA3: lambda raw: Symbol(raw, "ascii")}
_CONSTANTS = {0x40: None, 0x41: True, 0x42: False, 0x43: Uint(0), 0x44: Ulong(0)}


def encode(value: object) -> bytes:
    """Encode one value. Raises KeyError for a type that AMQP does not have."""
    return _ENCODERS[type(value)](value)


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that starts at `at`, and where it ends. Raises DecodeError."""
    try:
        return _decoded(data[at], data, at + 1)
    except (IndexError, KeyError, ValueError, TypeError, RecursionError, struct.error) as error:
        raise DecodeError(f"not an AMQP value: {error!r}") from None


def filled(fields: Any, count: int) -> list[Any]:
    """The fields of a list, with None for those that were left out at its end, or all. Raises DecodeError."""
    if not isinstance(fields, list | None) or len(fields or ()) > count:
        raise DecodeError(f"{fields!r} is no list of up to {count} fields")
    return (fields or []) + [None] * (count - len(fields or ()))


def _decoded(code: int, data: bytes, at: int) -> tuple[Any, int]:
    """The value whose content starts at `at`, behind its constructor."""
    if code in _READERS:
        made, form = _READERS[code]
        return made(*form.unpack_from(data, at)), at + form.size
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    if code == 0x45:
        return [], at
    if code == 0x00:
        descriptor, at = _decoded(data[at], data, at + 1)
        value, at = _decoded(data[at], data, at + 1)
        return Described(descriptor, value), at
    width = 4 if code & _WIDER else 1
    start = at + width
    end = start + int.from_bytes(data[at:start])
    if end > len(data):
        raise ValueError("a value longer than its frame")
    if text := _TEXTS.get(code & ~_WIDER):
        return text(data[start:end]), end
    count, start = int.from_bytes(data[start : start + width]), start + width
    match code & ~_WIDER:
        case 0xC0:
            return _elements(count, data, start, end), end
        case 0xC1:
            return dict(batched(_elements(count, data, start, end), 2, strict=True)), end
        case 0xE0:
            items = _elements(count, data, start + 1, end, data[start])
            if items and type(items[0]) not in _WIDE:
                raise ValueError("an array of compound values")
            return tuple(items), end
    raise ValueError(f"no type has the constructor {code:#x}")


def _elements(count: int, data: bytes, at: int, end: int, common: int | None = None) -> list[Any]:
    """The items of a compound value, each behind a constructor of its own or, in an array, all behind a common one."""
    if count > end - at:
        raise ValueError("more elements than bytes")
    items = []
    for _ in range(count):
        item, at = _decoded(data[at], data, at + 1) if common is None else _decoded(common, data, at)
        items.append(item)
    if at != end:
        raise ValueError("a compound value of another length than it says")
    return items


def _compound(code: int, count: int, parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    if count < 256 and len(body) < 255:
        return bytes((code, len(body) + 1, count)) + body
    return bytes((code + _WIDER,)) + (len(body) + 4).to_bytes(4) + count.to_bytes(4) + body


def _array(items: tuple[Any, ...]) -> bytes:
    parts = [_WIDE[type(item)](item) for item in items]
    return _compound(0xE0, len(parts), [parts[0][:1] if parts else b"\x40", *(part[1:] for part in parts)])


_READERS: dict[int, tuple[Callable[[Any], Any], Struct]] = {
    **{code: (kind, Struct(">" + form)) for code, (kind, form) in _FIXED.items()},
    0x98: (lambda raw: UUID(bytes=raw), Struct("16s")),
}
_WIDE: dict[type, Callable[[Any], bytes]] = {
    **{kind: partial(Struct(">B" + form).pack, code) for code, (kind, form) in _FIXED.items()},
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: b"\xb0" + len(value).to_bytes(4) + value,
    str: lambda value: b"\xb1" + len(raw := value.encode()).to_bytes(4) + raw,
    Symbol: lambda value: b"\xb3" + len(value).to_bytes(4) + value.encode("ascii"),
}
_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    **_WIDE,
    Uint: lambda value: _WIDE[Uint](value) if value > 255 else bytes((0x52, value) if value else (0x43,)),
    Ulong: lambda value: _WIDE[Ulong](value) if value > 255 else bytes((0x53, value) if value else (0x44,)),
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    list: lambda value: _compound(0xC0, len(value), [encode(item) for item in value]) if value else b"\x45",
    dict: lambda value: _compound(0xC1, 2 * len(value), [encode(part) for item in value.items() for part in item]),
    tuple: _array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}
"""How each type is written: in its widest form, but for the small numbers of performatives."""
