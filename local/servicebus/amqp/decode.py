"""AMQP 1.0 bytes to Python values. Accepts every form the specification allows, however a client chose."""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID

from local.servicebus.amqp.values import FIXED, SMALL, Array, DecodeError, Described, Symbol, Uint, Ulong

_CONSTANTS: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: Uint(0), 0x44: Ulong(0)}
_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}
_LIST, _MAP, _ARRAY = (0x45, 0xC0, 0xD0), (0xC1, 0xD1), (0xE0, 0xF0)


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that starts at `at`, and where it ends. Raises DecodeError."""
    try:
        return _value(data, at)
    except (IndexError, ValueError, RecursionError, struct.error, TypeError) as error:
        raise DecodeError(f"not an AMQP value: {error}") from None


def skip(data: bytes, at: int) -> int:
    """Where the value that starts at `at` ends, without looking into it. Raises DecodeError."""
    try:
        code = data[at]
        at += 1
        if code == 0:
            return skip(data, skip(data, at))
        category = code >> 4
        if category in _WIDTHS:
            end = at + _WIDTHS[category]
        elif category >= 0xA:
            _, end = _sized(code, data, at)
        else:
            raise DecodeError(f"no AMQP type has the code {code:#04x}")
    except (IndexError, RecursionError) as error:
        raise DecodeError(f"not an AMQP value: {error}") from None
    if end > len(data):
        raise DecodeError("value longer than its frame")
    return end


def _value(data: bytes, at: int) -> tuple[Any, int]:
    code = data[at]
    if code:
        return _body(code, data, at + 1)
    descriptor, at = _value(data, at + 1)
    value, at = _value(data, at)
    return Described(descriptor, value), at


def _body(code: int, data: bytes, at: int) -> tuple[Any, int]:
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    if code in SMALL or code in FIXED:
        layout, kind = (SMALL.get(code) or FIXED[code])[:2]
        return kind(layout.unpack_from(data, at)[0]), at + layout.size
    if code in _LIST or code in _MAP or code in _ARRAY:
        return _compound(code, data, at)
    start, end = (at, at + 16) if code == 0x98 else _sized(code, data, at)
    raw = data[start:end]
    if len(raw) != end - start:
        raise DecodeError("value longer than its frame")
    match code:
        case 0x98:
            return UUID(bytes=raw), end
        case 0xA0 | 0xB0:
            return raw, end
        case 0xA1 | 0xB1:
            return raw.decode(), end
        case 0xA3 | 0xB3:
            return Symbol(raw.decode("ascii")), end
    raise DecodeError(f"no AMQP type has the code {code:#04x}")


def _sized(code: int, data: bytes, at: int) -> tuple[int, int]:
    """Start and end of the content of a value whose size is written in front of it."""
    if code >> 4 in (0xA, 0xC, 0xE):
        return at + 1, at + 1 + data[at]
    return at + 4, at + 4 + int(struct.unpack_from(">I", data, at)[0])


def _compound(code: int, data: bytes, at: int) -> tuple[Any, int]:
    if code == 0x45:
        return [], at
    at, end = _sized(code, data, at)
    wide = code >= 0xD0 and code != 0xE0
    count = struct.unpack_from(">I" if wide else ">B", data, at)[0]
    at += 4 if wide else 1
    if end > len(data) or count > end - at:
        raise DecodeError("more elements than bytes")
    array = code in _ARRAY
    constructor = data[at] if array else 0
    at += array
    items = []
    for _ in range(count):
        value, at = _body(constructor, data, at) if array else _value(data, at)
        items.append(value)
    if at != end:
        raise DecodeError("compound value of another length than it says")
    if array:
        return Array(_wide(constructor), items), end
    return dict(zip(items[::2], items[1::2], strict=True)) if code in _MAP else items, end


def _wide(code: int) -> int:
    """The constructor under which elements of an array are written again."""
    if code in SMALL:
        return SMALL[code][2]
    if code in FIXED or code == 0x98 or code >> 4 == 0xB:
        return code
    if code >> 4 == 0xA:
        return code + 0x10
    raise DecodeError(f"arrays of type {code:#04x} are not supported")
