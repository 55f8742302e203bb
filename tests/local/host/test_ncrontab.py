"""Timer schedules (learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.host.timers import Schedule

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("0 */5 * * * *", "2026-03-04T12:05:00"),
        ("0 0 * * * *", "2026-03-04T13:00:00"),
        ("0 0 */2 * * *", "2026-03-04T14:00:00"),
        ("0 0 9-17 * * *", "2026-03-04T13:00:00"),
        ("0 30 9 * * *", "2026-03-05T09:30:00"),
        ("0 30 9 * * 1-5", "2026-03-05T09:30:00"),
        ("0 30 9 * Jan Mon", "2027-01-04T09:30:00"),
        ("*/10 * * * * *", "2026-03-04T12:00:10"),
        ("15,45 * * * * *", "2026-03-04T12:00:15"),
        ("5/20 * * * * *", "2026-03-04T12:00:05"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 0 0 * * SUN", "2026-03-08T00:00:00"),
        ("0 0 0 * * sunday", "2026-03-08T00:00:00"),
        ("5-1 * * * * *", "2026-03-04T12:00:01"),
        ("*/0 * * * * *", "2026-03-04T12:00:01"),
        ("0 0 0 13 * FRI", "2026-03-13T00:00:00"),
        ("*/5 * * * *", "2026-03-04T12:05:00"),
    ],
)
def test_a_schedule_tells_when_it_is_due_next(expression: str, due: str) -> None:
    """The examples of the documentation; names in full or short, the ends of a range in any order, a step of at least
    one (NCrontab, CrontabField.Accumulate); and five fields without seconds.
    """
    assert Schedule(expression).after(NOON) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "60 * * * * *", "0 0 24 * * *", "x * * * * *", "0 0 0 * * 7", "0 0 0 L * *", "@daily"]
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    """At start, not when it would be due. Sunday is 0 alone in NCrontab; what crons elsewhere add is unknown there."""
    with pytest.raises(ValueError):
        Schedule(expression)


def test_a_schedule_that_is_never_due_is_refused() -> None:
    """30 February."""
    with pytest.raises(ValueError, match="never"):
        Schedule("0 0 0 30 2 *").after(NOON)
