"""AMQP 1.0 bytes to Python values, in every form the specification allows, however a client chose."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from local.servicebus.amqp.values import FIXED, SMALL, Array, DecodeError, Described, Opaque, Symbol, Uint, Ulong

type Decoder = Callable[[bytes, int], tuple[Any, int]]
_MALFORMED = (KeyError, IndexError, ValueError, TypeError, RecursionError, struct.error)
_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}  # of the content, by the high half of the constructor


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that starts at `at`, and where it ends. Raises DecodeError."""
    try:
        value, end = _DECODERS[data[at]](data, at + 1)
    except _MALFORMED as error:
        raise DecodeError(f"not an AMQP value: {error!r}") from None
    if end > len(data):
        raise DecodeError("a value longer than its frame")
    return value, end


def skip(data: bytes, at: int) -> int:
    """Where the value that starts at `at` ends, without looking into it. Raises DecodeError."""
    try:
        code = data[at]
        if code == 0:
            return skip(data, skip(data, at + 1))
        width = _WIDTHS.get(code >> 4)
        if width is None:
            at, width = (at + 1, data[at + 1]) if code >> 4 in (0xA, 0xC, 0xE) else (at + 4, _UINT(data, at + 1)[0])
    except _MALFORMED as error:
        raise DecodeError(f"not an AMQP value: {error!r}") from None
    if at + 1 + width > len(data):
        raise DecodeError("a value longer than its frame")
    return int(at + 1 + width)


_UINT = struct.Struct(">I").unpack_from


def _described(data: bytes, at: int) -> tuple[Any, int]:
    descriptor, at = _DECODERS[data[at]](data, at + 1)
    value, at = _DECODERS[data[at]](data, at + 1)
    return Described(descriptor, value), at


def _constant(value: Any) -> Decoder:
    return lambda data, at: (value, at)


def _fixed(layout: struct.Struct, kind: Callable[[Any], Any]) -> Decoder:
    unpack, size = layout.unpack_from, layout.size
    return lambda data, at: (kind(unpack(data, at)[0]), at + size)


def _variable(wide: bool, kind: Callable[[bytes], Any]) -> Decoder:
    def decoder(data: bytes, at: int) -> tuple[Any, int]:
        start, length = (at + 4, _UINT(data, at)[0]) if wide else (at + 1, data[at])
        return kind(data[start : start + length]), start + length

    return decoder


def _compound(wide: bool, array: bool, kind: Callable[[list[Any]], Any]) -> Decoder:
    def decoder(data: bytes, at: int) -> tuple[Any, int]:
        if wide:
            end, count, at = at + 4 + _UINT(data, at)[0], _UINT(data, at + 4)[0], at + 8
        else:
            end, count, at = at + 1 + data[at], data[at + 1], at + 2
        if end > len(data) or count > end - at:
            raise ValueError("more elements than bytes")
        items = []
        constructor = data[at] if array else 0
        at += array
        for _ in range(count):
            code = constructor
            if not array:
                code, at = data[at], at + 1
            item, at = _DECODERS[code](data, at)
            items.append(item)
        if at != end:
            raise ValueError("a compound value of another length than it says")
        return Array(_wide(constructor), items) if array else kind(items), end

    return decoder


def _wide(code: int) -> int:
    """The constructor under which elements of an array are written again."""
    wide = SMALL[code][1] if code in SMALL else code + 0x10 if code in (0xA0, 0xA1, 0xA3) else code
    if wide in FIXED or wide in (0x98, 0xB0, 0xB1, 0xB3):
        return wide
    raise ValueError(f"arrays of type {code:#04x} are not supported")


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _opaque(code: int, size: int) -> Decoder:
    prefix = bytes((code,))
    return lambda data, at: (Opaque(prefix + data[at : at + size]), at + size)


def _symbol(raw: bytes) -> Symbol:
    return Symbol(raw.decode("ascii"))


_DECODERS: dict[int, Decoder] = {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(Uint(0)),
    0x44: _constant(Ulong(0)),
    0x45: lambda data, at: ([], at),
    **{code: _fixed(layout, kind) for code, (layout, kind) in FIXED.items()},
    **{code: _fixed(layout, FIXED[wide][1]) for code, (layout, wide) in SMALL.items()},
    **{code: _opaque(code, size) for code, size in ((0x73, 4), (0x74, 4), (0x84, 8), (0x94, 16))},
    0x98: lambda data, at: (UUID(bytes=data[at : at + 16]), at + 16),
    **{0xA0 + wide: _variable(wide > 0, bytes) for wide in (0, 0x10)},
    **{0xA1 + wide: _variable(wide > 0, bytes.decode) for wide in (0, 0x10)},
    **{0xA3 + wide: _variable(wide > 0, _symbol) for wide in (0, 0x10)},
    **{0xC0 + wide: _compound(wide > 0, False, list) for wide in (0, 0x10)},
    **{0xC1 + wide: _compound(wide > 0, False, _pairs) for wide in (0, 0x10)},
    **{0xE0 + wide: _compound(wide > 0, True, list) for wide in (0, 0x10)},
}
