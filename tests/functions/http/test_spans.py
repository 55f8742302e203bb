"""A list by time goes from somewhere to somewhere, within limits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from functions.http.spans import LONGEST, span
from shared_code.domain.clock import parse_rfc3339, utc_now
from shared_code.domain.errors import BadRequest

NOON = parse_rfc3339("2026-03-01T12:00:00Z")


def test_what_is_left_out_is_the_last_day() -> None:
    start, end = span(None, None)
    assert end - start == timedelta(days=1)
    assert abs(utc_now() - end) < timedelta(minutes=1)
    assert span(None, NOON) == (NOON - timedelta(days=1), NOON)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOON, NOON - timedelta(seconds=1)),
        (NOON - LONGEST - timedelta(seconds=1), NOON),
        (None, datetime.fromisoformat("0001-01-01T00:00:00Z")),
        (datetime.fromisoformat("0001-01-01T00:00:00+14:00"), datetime.fromisoformat("0001-01-02T00:00:00Z")),
        (datetime.fromisoformat("9999-12-31T00:00:00Z"), datetime.fromisoformat("9999-12-31T23:00:00Z")),
        (datetime.fromisoformat("9999-12-31T00:00:00Z"), datetime.fromisoformat("9999-12-31T23:00:00-14:00")),
    ],
)
def test_more_than_a_month_and_the_ends_of_the_calendar_are_refused(start: datetime | None, end: datetime) -> None:
    with pytest.raises(BadRequest):
        span(start, end)
