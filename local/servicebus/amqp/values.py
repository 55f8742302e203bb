"""AMQP 1.0 values that Python's own types cannot tell apart (specification, part 1).

Python's `int` stands for long, `float` for double, `str` for string, `bytes` for binary, `uuid.UUID` for uuid. Types
stay with a value from one client to the next, since Azure's SDKs show them to the user.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, NamedTuple


class DecodeError(Exception):
    """Bytes that are not AMQP 1.0."""


def _integer(name: str) -> type[int]:
    return type(name, (int,), {})


Ubyte, Ushort, Uint, Ulong = _integer("Ubyte"), _integer("Ushort"), _integer("Uint"), _integer("Ulong")
Byte, Short, Int = _integer("Byte"), _integer("Short"), _integer("Int")
Timestamp = _integer("Timestamp")
"""Milliseconds since 1970, UTC."""


class Float(float):
    """Binary floating point of 32 bits."""


class Opaque(bytes):
    """A char or decimal, with its constructor: carried as it came."""


class Symbol(str):
    """ASCII text from a constrained domain, such as an error condition."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with a descriptor that gives it meaning."""

    descriptor: Any
    value: Any


class Array(list[Any]):
    """Values of one type; `code` is that type's constructor, needed while there are none."""

    def __init__(self, code: int, items: list[Any]) -> None:
        super().__init__(items)
        self.code = code


LONGS, TIMESTAMPS, STRINGS, SYMBOLS, UUIDS = 0x81, 0x83, 0xB1, 0xB3, 0x98

FIXED: dict[int, tuple[Struct, type]] = {
    0x50: (Struct(">B"), Ubyte),
    0x51: (Struct(">b"), Byte),
    0x56: (Struct(">?"), bool),
    0x60: (Struct(">H"), Ushort),
    0x61: (Struct(">h"), Short),
    0x70: (Struct(">I"), Uint),
    0x71: (Struct(">i"), Int),
    0x72: (Struct(">f"), Float),
    0x80: (Struct(">Q"), Ulong),
    0x81: (Struct(">q"), int),
    0x82: (Struct(">d"), float),
    0x83: (Struct(">q"), Timestamp),
}
"""Constructors of one fixed width, with the Python type that stands for them."""

SMALL: dict[int, tuple[Struct, int]] = {
    0x52: (Struct(">B"), 0x70),
    0x53: (Struct(">B"), 0x80),
    0x54: (Struct(">b"), 0x71),
    0x55: (Struct(">b"), 0x81),
}
"""One-byte forms of wider numbers, with the constructor of the wide form."""
