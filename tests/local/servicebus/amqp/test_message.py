"""The message format, AMQP 1.0, part 3, and what the broker may change of it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.servicebus.amqp.codec import Byte, Float, Symbol, Timestamp, Ulong, encode
from local.servicebus.amqp.message import BATCH_FORMAT, amqp_value, encode_answer, parse_delivery, parse_message
from local.servicebus.refused import DecodeError
from tests.local.servicebus.messages import (
    ANNOTATIONS,
    APPLICATION_PROPERTIES,
    DATA,
    DELIVERY_ANNOTATIONS,
    FOOTER,
    HEADER,
    PROPERTIES,
    SEQUENCE,
    VALUE,
    message,
    message_bytes,
    section,
    sections,
)

TYPED = {"byte": Byte(1), "float": Float(0.5), "uuid": uuid.UUID(int=1), "when": Timestamp(1), "text": "你好"}
BARE = (
    section(PROPERTIES, ["id", None, "to", "subject", None, Ulong(7)])
    + section(APPLICATION_PROPERTIES, TYPED)
    + section(DATA, b"one")
    + section(DATA, b"two")
    + section(FOOTER, {Symbol("f"): 1})
)


def test_the_bare_message_is_carried_byte_by_byte() -> None:
    assert parse_message(section(HEADER, [True]) + BARE).encoded().endswith(BARE)


def test_annotations_of_the_client_are_kept_and_those_of_the_broker_are_not() -> None:
    given_by_client = {
        Symbol("x-opt-partition-key"): "p",
        Symbol("own"): Float(0.5),
        Symbol("x-opt-sequence-number"): 99,
        Symbol("x-opt-locked-until"): Timestamp(1),
    }
    parsed = parse_message(
        section(DELIVERY_ANNOTATIONS, {Symbol("hop"): 1}) + section(ANNOTATIONS, given_by_client) + BARE
    )

    encoded = sections(parsed.encoded(annotations={"x-opt-sequence-number": 1}))

    assert encoded[ANNOTATIONS] == {"x-opt-partition-key": "p", "own": 0.5, "x-opt-sequence-number": 1}
    assert isinstance(encoded[ANNOTATIONS]["own"], Float)
    assert DELIVERY_ANNOTATIONS not in encoded


def test_an_id_is_given_to_a_message_that_has_none() -> None:
    """JavaScript's `subscribe()` needs one, and sends none of its own."""
    for bare in (section(DATA, b"x"), section(PROPERTIES, [None, None, "to"]) + section(DATA, b"x")):
        given_one = parse_message(bare).with_message_id()
        encoded = sections(given_one.encoded())
        assert len(encoded[PROPERTIES][0]) == 32
        assert encoded[DATA] == b"x"
    assert encoded[PROPERTIES][2] == "to"


@pytest.mark.parametrize("message_id", ["a", Ulong(7), uuid.UUID(int=7), b"\x00"])
def test_an_id_keeps_its_type(message_id: Any) -> None:
    found = message(message_id=message_id).with_message_id().properties[0]

    assert (type(found), found) == (type(message_id), message_id)


def test_changed_properties_leave_the_others_their_types() -> None:
    changed = parse_message(BARE).with_application_properties({"text": "new", "more": 1})

    properties = sections(changed.encoded())[APPLICATION_PROPERTIES]
    assert properties == {**TYPED, "text": "new", "more": 1}
    assert [type(properties[name]) for name in TYPED] == [type(value) for value in TYPED.values()]
    assert changed.raw[0x75] == parse_message(BARE).raw[0x75]


def test_a_batch_is_its_data_sections() -> None:
    """service-bus-amqp-protocol-guide: message format 0x80013700; the envelope copies its first member."""
    members = [message_bytes("a", message_id="1"), message_bytes("b", message_id="2")]
    envelope = section(PROPERTIES, ["1"]) + b"".join(section(DATA, member) for member in members)

    batch = parse_delivery(envelope, BATCH_FORMAT)

    assert [(each.properties[0], sections(each.encoded())[DATA]) for each in batch] == [("1", b"a"), ("2", b"b")]


def test_a_message_whose_body_is_a_message_is_no_batch() -> None:
    inner = message_bytes("inner")

    [parsed] = parse_delivery(section(DATA, inner), 0)

    assert sections(parsed.encoded())[DATA] == inner


@pytest.mark.parametrize(
    "data",
    [
        section(DATA, b"x") + section(PROPERTIES, ["id"]),  # out of order
        section(HEADER, []) + section(HEADER, []),
        section(PROPERTIES, [None] * 14),
        section(PROPERTIES, {}),
        section(APPLICATION_PROPERTIES, []),
        section(ANNOTATIONS, "text"),
        section(HEADER, [None, None, "soon"]),
        section(HEADER, [None, None, -1]),
        encode("no section"),
        b"\x00\x53\x99\x40",
        b"\x00\x53",
        b"\x00\xa3\x01a\x40",
        section(DATA, b"x")[:-1],
    ],
)
def test_what_is_not_a_message_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_message(data)


def test_a_batch_of_something_else_is_a_decode_error() -> None:
    for data in (section(DATA, b"\xff"), section(DATA, b"x" * 5), section(DATA, "text")):
        with pytest.raises(DecodeError):
            parse_delivery(data, BATCH_FORMAT)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_decode_error(data: bytes) -> None:
    try:
        parsed = parse_message(data)
    except DecodeError:
        return
    assert parse_message(parsed.encoded()) == parsed


def test_bodies_of_every_kind_are_carried() -> None:
    for body in (section(SEQUENCE, [1, "a"]) + section(SEQUENCE, []), section(VALUE, {"a": 1}), b""):
        assert parse_message(body).encoded().endswith(body)


def test_an_answer_correlates_with_the_type_of_the_id() -> None:
    request_id = uuid.UUID(int=7)

    request = message(message_id=request_id)
    answer = parse_message(encode_answer(request, {"statusCode": 200}, {"a": 1}))

    assert answer.properties[5] == request_id
    assert amqp_value(answer) == {"a": 1}


def test_a_body_of_another_kind_is_no_value() -> None:
    assert amqp_value(message("data")) is None
