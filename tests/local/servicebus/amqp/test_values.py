"""The type system of AMQP 1.0, part 1 of the specification (docs.oasis-open.org/amqp/core/v1.0)."""

from __future__ import annotations

import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.servicebus.amqp.codec import (
    Byte,
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
    decode,
    encode,
)
from local.servicebus.refused import DecodeError

TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 2**8 - 1).map(Ubyte),
    st.integers(0, 2**16 - 1).map(Ushort),
    st.integers(0, 2**32 - 1).map(Uint),
    st.integers(0, 2**64 - 1).map(Ulong),
    st.integers(-(2**7), 2**7 - 1).map(Byte),
    st.integers(-(2**15), 2**15 - 1).map(Short),
    st.integers(-(2**31), 2**31 - 1).map(Int),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Timestamp),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=32).map(Float),
    st.uuids(),
    st.binary(max_size=300),
    TEXT,
    st.text(st.characters(codec="ascii"), max_size=300).map(Symbol),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(TEXT, inner, max_size=5),
        st.tuples(st.integers(0, 2**64 - 1).map(Ulong), inner).map(lambda pair: Described(*pair)),
    ),
    max_leaves=20,
)


def typed(value: Any) -> Any:
    """A value with its types, which Python's equality ignores."""
    if isinstance(value, Described):
        return "described", typed(value.descriptor), typed(value.value)
    if isinstance(value, list):
        return type(value), [typed(item) for item in value]
    if isinstance(value, dict):
        return [(typed(key), typed(item)) for key, item in value.items()]
    return type(value), value


@given(VALUES)
def test_every_value_comes_back_with_its_type(value: Any) -> None:
    encoded = encode(value)

    assert decode(encoded)[1] == len(encoded)
    assert typed(decode(encoded)[0]) == typed(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_decode_error(data: bytes) -> None:
    try:
        _, end = decode(data)
    except DecodeError:
        return
    assert 0 < end <= len(data)


@given(VALUES, st.data())
def test_a_value_that_is_cut_short_is_a_decode_error(value: Any, data: st.DataObject) -> None:
    encoded = encode(value)
    cut = data.draw(st.integers(0, len(encoded) - 1))

    with pytest.raises(DecodeError):
        decode(encoded[:cut])


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("41", True),
        ("5600", False),
        ("43", Uint(0)),
        ("52ff", Uint(255)),
        ("7000000007", Uint(7)),
        ("44", Ulong(0)),
        ("5310", Ulong(16)),
        ("54ff", Int(-1)),
        ("5580", -128),
        ("810000000000000007", 7),
        ("83000001a3185c5000", Timestamp(1_800_000_000_000)),
        ("98" + "33221100554477668899aabbccddeeff", uuid.UUID("33221100-5544-7766-8899-aabbccddeeff")),
        ("a10161", "a"),
        ("b10000000161", "a"),
        ("a30161", Symbol("a")),
        ("b30000000161", Symbol("a")),
        ("a00161", b"a"),
        ("45", []),
        ("c00302" + "4142", [True, False]),
        ("d00000000600000002" + "4142", [True, False]),
        ("c10502" + "a10161" + "41", {"a": True}),
        ("d10000000400000000", {}),
        ("00a30178" + "5401", Described(Symbol("x"), Int(1))),
    ],
)
def test_every_form_of_a_value_is_understood(wire: str, value: Any) -> None:
    """JavaScript's rhea and Python's pyamqp choose different ones."""
    assert typed(decode(bytes.fromhex(wire))[0]) == typed(value)


@pytest.mark.parametrize(
    "wire",
    [
        "e0060281" + "00",  # cut short
        "e0",
        "f00000000500000002" + "41",  # two booleans without bytes
        "f0ffffffffffffffff40",  # four billion nulls
        "e00303" + "4141",
        "c00402" + "414141",  # more than it says
        "c10302" + "41",
        "c10301" + "41",  # a key without a value
        "c10502" + "4541" + "45",  # a list as key
        "a202" + "6161",
        "ff",
        "7300000041",  # a character
        "7422500001",  # a decimal
        "e0030145" + "45",  # an array of lists
        "a102ff",
        "a102" + "c328",  # not UTF-8
        "a302" + "c3a9",  # not ASCII
        "00" * 5000,
        ("d0" + "00001000" + "00000001") * 3000,
    ],
)
def test_what_is_not_amqp_is_a_decode_error(wire: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(wire))


@pytest.mark.parametrize(
    "array",
    [
        (1, -1, 2**40),
        (Timestamp(1), Timestamp(2)),
        (Uint(7), Uint(1000)),
        (True, False),
        (uuid.UUID(int=7), uuid.UUID(int=8)),
        ("a", "b" * 300),
        (Symbol("a"),),
        (b"\x00",),
        (),
    ],
)
def test_arrays_come_back_with_the_type_of_their_elements(array: tuple[Any, ...]) -> None:
    decoded, _ = decode(encode(array))

    assert isinstance(decoded, tuple)
    assert [typed(item) for item in decoded] == [typed(item) for item in array]


def test_small_arrays_are_understood_as_python_sends_them() -> None:
    assert decode(bytes.fromhex("e0040255" + "0102"))[0] == (1, 2)


def test_not_a_number_is_carried() -> None:
    assert math.isnan(decode(encode(float("nan")))[0])


def test_only_what_amqp_has_is_encoded() -> None:
    with pytest.raises(KeyError):
        encode(object())
