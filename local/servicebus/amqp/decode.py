"""AMQP 1.0 bytes to Python values, in every form the specification allows, however a client chose."""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID

from local.servicebus.amqp.values import FIXED, SMALL, UUIDS, Array, DecodeError, Described, Opaque, Symbol, Uint, Ulong

_CONSTANTS: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: Uint(0), 0x44: Ulong(0)}
_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}  # by the code's high half
_TEXTS: dict[int, Any] = {0xA0: bytes, 0xA1: bytes.decode, 0xA3: lambda raw: Symbol(raw.decode("ascii"))}
_OPAQUE = (0x73, 0x74, 0x84, 0x94)
_MALFORMED = (IndexError, ValueError, TypeError, RecursionError, struct.error)


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that starts at `at`, and where it ends. Raises DecodeError."""
    try:
        return _value(data, at)
    except _MALFORMED as error:
        raise DecodeError(f"not an AMQP value: {error}") from None


def skip(data: bytes, at: int) -> int:
    """Where the value that starts at `at` ends, without looking into it. Raises DecodeError."""
    try:
        if data[at] == 0:
            return skip(data, skip(data, at + 1))
        return _extent(data[at], data, at + 1)[1]
    except _MALFORMED as error:
        raise DecodeError(f"not an AMQP value: {error}") from None


def _extent(code: int, data: bytes, at: int) -> tuple[int, int]:
    """Start and end of the content of a value whose constructor is before `at`."""
    category = code >> 4
    if category in _WIDTHS:
        end = at + _WIDTHS[category]
    elif category in (0xA, 0xC, 0xE):
        at, end = at + 1, at + 1 + data[at]
    elif category in (0xB, 0xD, 0xF):
        at, end = at + 4, at + 4 + int(struct.unpack_from(">I", data, at)[0])
    else:
        raise DecodeError(f"no AMQP type has the code {code:#04x}")
    if end > len(data):
        raise DecodeError("value longer than its frame")
    return at, end


def _value(data: bytes, at: int) -> tuple[Any, int]:
    code = data[at]
    if code:
        return _content(code, data, at + 1)
    descriptor, at = _value(data, at + 1)
    value, at = _value(data, at)
    return Described(descriptor, value), at


def _content(code: int, data: bytes, at: int) -> tuple[Any, int]:
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    start, end = _extent(code, data, at)
    if code in SMALL:
        layout, wide = SMALL[code]
        return FIXED[wide][1](layout.unpack_from(data, start)[0]), end
    if code in FIXED:
        layout, kind = FIXED[code]
        return kind(layout.unpack_from(data, start)[0]), end
    if code & 0xEF in _TEXTS:
        return _TEXTS[code & 0xEF](data[start:end]), end
    if code == UUIDS:
        return UUID(bytes=data[start:end]), end
    if code in _OPAQUE:
        return Opaque(bytes((code,)) + data[start:end]), end
    if code == 0x45:
        return [], end
    return _compound(code, data, start, end), end


def _compound(code: int, data: bytes, at: int, end: int) -> Any:
    wide = code in (0xD0, 0xD1, 0xF0)
    if not wide and code not in (0xC0, 0xC1, 0xE0):
        raise DecodeError(f"no AMQP type has the code {code:#04x}")
    count = int.from_bytes(data[at : at + 4]) if wide else data[at]
    at += 4 if wide else 1
    if count > end - at:
        raise DecodeError("more elements than bytes")
    items = []
    constructor = data[at] if code >> 4 >= 0xE else None
    if constructor is not None:
        at += 1
    for _ in range(count):
        item, at = _value(data, at) if constructor is None else _content(constructor, data, at)
        items.append(item)
    if at != end:
        raise DecodeError("a compound value of another length than it says")
    if constructor is not None:
        return Array(_wide(constructor), items)
    return dict(zip(items[::2], items[1::2], strict=True)) if code in (0xC1, 0xD1) else items


def _wide(code: int) -> int:
    """The constructor under which elements of an array are written again."""
    wide = SMALL[code][1] if code in SMALL else code | 0x10 if code & 0xEF in _TEXTS else code
    if wide not in FIXED and wide != UUIDS and wide & 0xEF not in _TEXTS:
        raise DecodeError(f"arrays of type {code:#04x} are not supported")
    return wide
