"""AMQP 1.0 values as bytes (specification, part 1): written in one form, read in every form that clients choose.

The upper half of a constructor says how wide the content is, or how wide its size and count are, the lower half what
it means; so two tables of types and one rule for each direction are all there is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import batched
from typing import Any

from local.servicebus.amqp.values import FORMS, Array, DecodeError, Described, Opaque, Symbol, Uint, Ulong

type Encoder = Callable[[Any], bytes]

_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}  # of the content, by the upper half of the constructor
_MEASURES = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}  # of its size and count, likewise
_WIDER = 0x10  # from a constructor with measures of one byte to that with measures of four
_MALFORMED = (KeyError, IndexError, ValueError, TypeError, RecursionError, struct.error)


def encode(value: object) -> bytes:
    """Encode one value. Raises TypeError for a type that AMQP does not have."""
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"AMQP has no type for {type(value).__name__}")
    return encoder(value)


def encode_list(items: list[bytes]) -> bytes:
    """A list of values that are encoded already."""
    return _compound(0xC0, len(items), items) if items else b"\x45"


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that starts at `at`, and where it ends. Raises DecodeError."""
    try:
        return _decoded(data[at], data, at + 1)
    except _MALFORMED as error:
        raise DecodeError(f"not an AMQP value: {error!r}") from None


def _decoded(code: int, data: bytes, at: int) -> tuple[Any, int]:
    """The value whose content starts at `at`, behind its constructor."""
    if code == 0:
        descriptor, at = _decoded(data[at], data, at + 1)
        if type(descriptor) not in (Ulong, Symbol):
            raise ValueError("a descriptor is a ulong or a symbol")
        value, at = _decoded(data[at], data, at + 1)
        return Described(descriptor, value), at
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    measure = _MEASURES.get(code >> 4, 0)
    start = at + measure
    end = start + (int.from_bytes(data[at:start]) if measure else _WIDTHS[code >> 4])
    if end > len(data):
        raise ValueError("a value longer than its frame")
    if code < 0xC0:
        return _DECODERS[code](data[start:end]), end
    count, start = int.from_bytes(data[start : start + measure]), start + measure
    if count > end - start:
        raise ValueError("more elements than bytes")
    match code & ~_WIDER:
        case 0xC0:
            return _elements(count, data, start, end), end
        case 0xC1:
            items = _elements(count, data, start, end)
            return dict(batched(items, 2, strict=True)), end
        case 0xE0 if (common := data[start]) in _WIDEST:
            return Array(_WIDEST[common], _elements(count, data, start + 1, end, common)), end
        case 0xE0:
            return Opaque(data[at - 1 : end]), end
    raise ValueError(f"no type has the constructor {code:#x}")


def _elements(count: int, data: bytes, at: int, end: int, common: int | None = None) -> list[Any]:
    """The items of a compound value, each behind a constructor of its own or, in an array, all behind a common one."""
    items = []
    for _ in range(count):
        item, at = _decoded(data[at], data, at + 1) if common is None else _decoded(common, data, at)
        items.append(item)
    if at != end:
        raise ValueError("a compound value of another length than it says")
    return items


def _compound(code: int, count: int, parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    if count <= 255 and len(body) < 255:
        return bytes((code, len(body) + 1, count)) + body
    return bytes((code + _WIDER,)) + (len(body) + 4).to_bytes(4) + count.to_bytes(4) + body


def _map(value: dict[Any, Any]) -> bytes:
    return _compound(0xC1, 2 * len(value), [encode(part) for item in value.items() for part in item])


def _array(value: Array) -> bytes:
    body = bytes((value.code,)) + b"".join(map(_CONTENTS[value.code], value))
    return b"\xf0" + (len(body) + 4).to_bytes(4) + len(value).to_bytes(4) + body


def _measured(raw: Encoder) -> Encoder:
    return lambda value: len(data := raw(value)).to_bytes(4) + data


def _widest(code: int) -> Encoder:
    prefix, content = bytes((code,)), _CONTENTS[code]
    return lambda value: prefix + content(value)


def _number(zero: int, small: int, wide: int) -> Encoder:
    widest = _widest(wide)

    def encoder(value: int) -> bytes:
        if 0 < value < 256:
            return bytes((small, value))
        return widest(value) if value else bytes((zero,))

    return encoder


def _text(short: int, wide: int) -> Encoder:
    widest = _widest(wide)

    def encoder(value: Any) -> bytes:
        whole = widest(value)
        return bytes((short, len(whole) - 5)) + whole[5:] if len(whole) < 261 else whole

    return encoder


_CONTENTS: dict[int, Encoder] = {
    codes[-1]: _measured(write) if codes[-1] >> 4 in _MEASURES else write for codes, write, _ in FORMS.values()
}
"""What follows the widest constructor of each type, for a value alone or in an array."""

_ENCODERS: dict[type, Encoder] = {
    **{kind: _widest(form.codes[-1]) for kind, form in FORMS.items()},
    **{kind: _number(*FORMS[kind].codes) for kind in (Uint, Ulong)},
    **{kind: _text(*FORMS[kind].codes) for kind in (bytes, str, Symbol)},
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    Opaque: bytes,
    list: lambda value: encode_list([encode(item) for item in value]),
    dict: _map,
    Array: _array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}


def _opaque(code: int) -> Callable[[bytes], Any]:
    return lambda raw: Opaque(bytes((code,)) + raw)


_CONSTANTS = {0x40: None, 0x41: True, 0x42: False, 0x43: Uint(0), 0x44: Ulong(0)}
"""Values that are their constructor."""

_DECODERS: dict[int, Callable[[bytes], Any]] = {
    0x45: lambda _: [],
    **{code: read for codes, _, read in FORMS.values() for code in codes},
    **{code: _opaque(code) for code in (0x73, 0x74, 0x84, 0x94)},  # char and decimals
}
"""Makes a value of the content behind each constructor that is not compound."""

_WIDEST = {code: codes[-1] for codes, _, _ in FORMS.values() for code in codes}
"""The constructor under which elements of an array are written again."""
