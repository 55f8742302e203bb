"""Frames, byte by byte. Older Azure SDKs fail on trimmed fields and on errors of less than three fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.servicebus.amqp.codec import Described, Ulong
from local.servicebus.amqp.frames import Frame, amqp_error, decode_frame, encode_frame, settlement
from local.servicebus.refused import DecodeError, Refused


@pytest.mark.parametrize(
    ("channel", "frame", "wire"),
    [
        (
            1,
            Frame(
                "begin",
                remote_channel=1,
                next_outgoing_id=0,
                incoming_window=5000,
                outgoing_window=5000,
                handle_max=255,
            ),
            "00000021 02000001 005311 c01408 600001 43 7000001388 7000001388 52ff 40 40 40",
        ),
        (
            1,
            settlement(True, 7, Described(Ulong(0x24), [])),
            "00000019 02000001 005315 c00c06 41 5207 5207 41 00532445 42",
        ),
        (
            1,
            settlement(False, 7, Described(Ulong(0x27), [True, False, None])),
            "0000001e 02000001 005315 c01106 42 5207 5207 41 005327 c00403 41 42 40 42",
        ),
        (0, Frame("outcome", code=0), "00000011 02010000 005344 c00402 5000 40"),
        (0, Frame("close"), "0000000f 02000000 005318 c00201 40"),
    ],
)
def test_frames_are_sent_with_every_field(channel: int, frame: Frame, wire: str) -> None:
    assert encode_frame(channel, frame) == bytes.fromhex(wire)


def test_an_error_has_three_fields() -> None:
    assert amqp_error(Refused("amqp:not-found", "no")).value == ["amqp:not-found", "no", None]


def test_missing_fields_are_filled_in() -> None:
    """JavaScript's rhea leaves out trailing nulls."""
    frame, payload = decode_frame(False, bytes.fromhex("005312 c00903" + "a10461626364" + "43" + "42"))

    assert (frame.kind, frame.name, frame.handle, frame.role) == ("attach", "abcd", 0, False)
    assert frame.source is None
    assert frame.properties is None
    assert payload == b""


def test_what_follows_a_performative_is_payload() -> None:
    frame, payload = decode_frame(False, bytes.fromhex("005314 c00301" + "5205") + b"payload")

    assert (frame.kind, frame.handle, payload) == ("transfer", 5, b"payload")


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "41",
        "0053ff45",  # no such performative
        "005314 40",  # not a list
        "005314 c00101",
        "005314 c00201 40",  # a handle is required
        "005314 c00401 a10161",  # a handle is a number
        "005317 c00302 4040",  # too many fields
        "005340 c00301 a10161",  # SASL in a frame of AMQP
    ],
)
def test_what_is_not_a_performative_is_a_decode_error(wire: str) -> None:
    with pytest.raises(DecodeError):
        decode_frame(False, bytes.fromhex(wire))


@given(st.sampled_from([*range(0x10, 0x19), 0x41]), st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_a_decode_error(code: int, body: bytes) -> None:
    try:
        frame, _ = decode_frame(code >= 0x40, bytes((0x00, 0x53, code)) + body)
    except DecodeError:
        return
    assert frame.kind
