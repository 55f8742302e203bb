"""AMQP 1.0 types that Python's own types cannot tell apart (specification, part 1).

Python's `int` stands for long, `float` for double, `str` for string, `bytes` for binary, `uuid.UUID` for uuid. Types
stay with a value from one client to the next, since Azure's SDKs show them to the user.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID


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
    """A char, a decimal or an array of compound values, with its constructor: carried as it came."""


class Symbol(str):
    """ASCII text from a constrained domain, such as an error condition."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with a descriptor, a Ulong or Symbol, that gives it meaning."""

    descriptor: Any
    value: Any

    def field(self, position: int) -> Any:
        """A field of a described list, such as a source or an outcome; None where clients leave it out."""
        return self.value[position] if isinstance(self.value, list) and position < len(self.value) else None


class Array(list[Any]):
    """Values of one type; `code` is that type's constructor, needed while there are none."""

    def __init__(self, code: int, items: list[Any]) -> None:
        super().__init__(items)
        self.code = code


class Form(NamedTuple):
    """How a type travels: its constructors, the widest last, and how its content becomes bytes and is made of them."""

    codes: tuple[int, ...]
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]


def _number(kind: type[int], width: int, *codes: int, signed: bool = False) -> Form:
    def write(value: int) -> bytes:
        return int.to_bytes(value, width, signed=signed)

    return Form(codes, write, lambda raw: kind(int.from_bytes(raw, signed=signed)))


FORMS: dict[type, Form] = {
    Ubyte: _number(Ubyte, 1, 0x50),
    Ushort: _number(Ushort, 2, 0x60),
    Uint: _number(Uint, 4, 0x43, 0x52, 0x70),
    Ulong: _number(Ulong, 8, 0x44, 0x53, 0x80),
    Byte: _number(Byte, 1, 0x51, signed=True),
    Short: _number(Short, 2, 0x61, signed=True),
    Int: _number(Int, 4, 0x54, 0x71, signed=True),
    int: _number(int, 8, 0x55, 0x81, signed=True),
    Timestamp: _number(Timestamp, 8, 0x83, signed=True),
    bool: Form((0x56,), lambda value: bytes((value,)), lambda raw: raw != b"\x00"),
    Float: Form((0x72,), Struct(">f").pack, lambda raw: Float(*Struct(">f").unpack(raw))),
    float: Form((0x82,), Struct(">d").pack, lambda raw: float(*Struct(">d").unpack(raw))),
    UUID: Form((0x98,), lambda value: bytes(value.bytes), lambda raw: UUID(bytes=raw)),
    bytes: Form((0xA0, 0xB0), bytes, bytes),
    str: Form((0xA1, 0xB1), str.encode, bytes.decode),
    Symbol: Form((0xA3, 0xB3), str.encode, lambda raw: Symbol(raw.decode("ascii"))),
}
"""Every type that is not compound; null, true, false and what is carried as it came are the codec's own."""

LONGS, TIMESTAMPS, STRINGS, SYMBOLS = 0x81, 0x83, 0xB1, 0xB3
"""Constructors of the arrays that Service Bus uses."""
