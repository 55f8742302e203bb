"""AMQP 1.0 values that Python's own types cannot tell apart (specification, part 1).

Python's `int` stands for long, `float` for double, `str` for string, `bytes` for binary, `uuid.UUID` for uuid. The
types stay with a value from one client to the next, since Azure's SDKs show them to the user.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, NamedTuple


class DecodeError(Exception):
    """Bytes that are not AMQP 1.0."""


class Ubyte(int):
    """Unsigned, 8 bits."""


class Ushort(int):
    """Unsigned, 16 bits."""


class Uint(int):
    """Unsigned, 32 bits."""


class Ulong(int):
    """Unsigned, 64 bits."""


class Byte(int):
    """Signed, 8 bits."""


class Short(int):
    """Signed, 16 bits."""


class Int(int):
    """Signed, 32 bits."""


class Timestamp(int):
    """Milliseconds since 1970, UTC."""


class Char(int):
    """One Unicode code point."""


class Float(float):
    """Binary floating point, 32 bits."""


class Decimal(bytes):
    """A decimal of 4, 8 or 16 bytes, carried as it came."""


class Symbol(str):
    """ASCII text from a constrained domain, such as an error condition."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with a descriptor that gives it meaning."""

    descriptor: object
    value: Any


class Array(list[Any]):
    """Values of one type; `code` is the constructor of that type, needed while it is empty."""

    def __init__(self, code: int, items: list[Any]) -> None:
        super().__init__(items)
        self.code = code


LONG_ARRAY, TIMESTAMP_ARRAY, STRING_ARRAY, SYMBOL_ARRAY = 0x81, 0x83, 0xB1, 0xB3

FIXED: dict[int, tuple[Struct, type]] = {
    0x50: (Struct(">B"), Ubyte),
    0x51: (Struct(">b"), Byte),
    0x56: (Struct(">?"), bool),
    0x60: (Struct(">H"), Ushort),
    0x61: (Struct(">h"), Short),
    0x70: (Struct(">I"), Uint),
    0x71: (Struct(">i"), Int),
    0x72: (Struct(">f"), Float),
    0x73: (Struct(">I"), Char),
    0x74: (Struct("4s"), Decimal),
    0x80: (Struct(">Q"), Ulong),
    0x81: (Struct(">q"), int),
    0x82: (Struct(">d"), float),
    0x83: (Struct(">q"), Timestamp),
    0x84: (Struct("8s"), Decimal),
    0x94: (Struct("16s"), Decimal),
}
"""Constructors of one fixed width, with the Python type that stands for them."""

SMALL: dict[int, tuple[Struct, type, int]] = {
    0x52: (Struct(">B"), Uint, 0x70),
    0x53: (Struct(">B"), Ulong, 0x80),
    0x54: (Struct(">b"), Int, 0x71),
    0x55: (Struct(">b"), int, 0x81),
}
"""One-byte forms of wider numbers, with the constructor of the wide form."""
