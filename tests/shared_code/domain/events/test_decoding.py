from __future__ import annotations

import json
import unicodedata
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.domain.errors import AppError, Invalid, TooLarge
from shared_code.domain.events.decoding import DecodedEvent, decode
from shared_code.domain.events.envelope import MAX_EVENT_BYTES

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ITEM = {"hanzi": "你", "pinyin": "nǐ", "expected": 3}
LEAST: dict[str, Any] = {
    "specversion": "1.0",
    "id": "event-1",
    "source": "/partner",
    "type": "sayzhong.learning.progress-recorded.v1",
    "subject": "mei",
    "data": {"attempt_id": "a-1", "items": [ITEM]},
}


def read(**changes: Any) -> DecodedEvent:
    members = {name: value for name, value in (LEAST | changes).items() if value is not ...}
    return decode(json.dumps(members).encode(), received_at=NOW)


def with_item(**changes: Any) -> dict[str, Any]:
    return {"attempt_id": "a-1", "items": [ITEM | changes]}


def test_what_follows_from_the_rest_may_be_left_out() -> None:
    decoded = read()
    assert decoded.event.time == "2026-11-25T12:00:00.000Z"
    assert decoded.event.tenantid == "sayzhong"
    assert uuid.UUID(decoded.event.correlationid)
    assert decoded.event == read().event  # the same each time it is read
    (item,) = decoded.data.items
    assert (item.accepted, item.heard, item.tone_score, item.accuracy, item.error) == ((3,), None, None, None, "none")


def test_what_is_given_is_kept() -> None:
    correlation = str(uuid.uuid4())
    event = read(
        time="2026-11-25T20:00:00.5+08:00", correlationid=correlation, causationid="before", tenantid="school"
    ).event
    assert (event.time, event.correlationid) == ("2026-11-25T12:00:00.500Z", correlation)
    assert (event.causationid, event.tenantid) == ("before", "school")


def test_members_that_are_not_known_yet_are_let_through() -> None:
    decoded = read(traceparent="00-1-2-01", data={**LEAST["data"], "mood": "cheerful"})
    assert decoded.event.data["mood"] == "cheerful"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"specversion": ...}, ""),
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"id": "x" * 65}, "/id"),
        ({"id": "line\n"}, "/id"),
        ({"source": ""}, "/source"),
        ({"subject": ...}, ""),
        ({"subject": "x" * 129}, "/subject"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2026-11-25T12:00:00"}, "/time"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "/time"),
        ({"correlationid": "not-a-uuid"}, "/correlationid"),
        ({"tenantid": ""}, "/tenantid"),
        ({"type": "sayzhong.learning.progress-recorded.v2"}, "/type"),
        ({"type": "sayzhong.learning.progress-recorded"}, "/type"),
        ({"type": "other"}, "/type"),
        ({"Tenant": "x"}, "/Tenant"),
        ({"datacontenttype": "text/plain"}, "/datacontenttype"),
        ({"data": ...}, ""),
        ({"data": "text"}, "/data"),
        ({"data": {"attempt_id": "a"}}, "/data"),
        ({"data": {"attempt_id": "a", "items": []}}, "/data/items"),
        ({"data": {"attempt_id": "a", "items": [ITEM, {"hanzi": "好"}]}}, "/data/items/1"),
        ({"data": with_item(expected=0)}, "/data/items/0/expected"),
        ({"data": with_item(expected=6)}, "/data/items/0/expected"),
        ({"data": with_item(expected="3")}, "/data/items/0/expected"),
        ({"data": with_item(accepted=[3, 7])}, "/data/items/0/accepted/1"),
        ({"data": with_item(heard=0)}, "/data/items/0/heard"),
        ({"data": with_item(tone_score=101)}, "/data/items/0/tone_score"),
        ({"data": with_item(error="wrong")}, "/data/items/0/error"),
        ({"data": with_item(hanzi="ni")}, "/data/items/0/hanzi"),
        ({"data": with_item(hanzi="你好")}, "/data/items/0/hanzi"),
        ({"data": with_item(hanzi="你\n")}, "/data/items/0/hanzi"),
        ({"data": with_item(pinyin="")}, "/data/items/0/pinyin"),
        ({"data": with_item(pinyin="ni0")}, "/data/items/0/pinyin"),
        ({"data": with_item(pinyin="ni hao")}, "/data/items/0/pinyin"),
        ({"data": with_item(pinyin=unicodedata.normalize("NFD", "nǐ"))}, "/data/items/0/pinyin"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_place(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(**changes)
    (fault,) = refused.value.errors
    assert fault.pointer == pointer
    assert fault.detail


@pytest.mark.parametrize(
    ("written", "kept"),
    [("ni3", "nǐ"), ("nǐ", "nǐ"), ("lv4", "lǜ"), ("lü4", "lǜ"), ("ma5", "ma"), ("ma", "ma"), ("xiong2", "xióng")],
)
def test_pinyin_is_kept_in_one_spelling(written: str, kept: str) -> None:
    assert read(data=with_item(pinyin=written)).data.items[0].pinyin == kept


@pytest.mark.parametrize("hanzi", ["〇", "龘", "𠮷", "玩儿", "兒"])
def test_every_hanzi_counts_as_one(hanzi: str) -> None:
    assert read(data=with_item(hanzi=hanzi)).data.items[0].hanzi == hanzi


def test_an_event_larger_than_a_row_takes_is_refused() -> None:
    with pytest.raises(TooLarge):
        decode(b" " * (MAX_EVENT_BYTES + 1), received_at=NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_at_all_is_read_or_refused_by_an_error_of_ours(body: bytes) -> None:
    with pytest.raises(AppError):
        decode(body, received_at=NOW)


@given(st.sampled_from(sorted(LEAST)), JSON)
def test_any_member_spoilt_is_read_or_refused_by_an_error_of_ours(name: str, value: Any) -> None:
    try:
        decoded = read(**{name: value})
    except AppError:
        return
    assert decode(decoded.event.encode(), received_at=NOW) == decoded
