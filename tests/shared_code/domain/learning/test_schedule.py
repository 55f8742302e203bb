"""What is to be practised now, and when more falls due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.learning.analysis import analyse
from shared_code.domain.learning.plan import adapt
from shared_code.domain.learning.progress import Progress, record
from shared_code.domain.learning.schedule import load_by_day, next_practice

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def practised(progress: Progress, hanzi: str, pinyin: str, at: datetime, *, right: bool = True) -> None:
    item = PractisedItem(
        hanzi=hanzi, pinyin=pinyin, expected=3, heard=3 if right else 2, tone_score=95 if right else 20,
        accuracy=95, error="none" if right else "tone",
    )  # fmt: skip
    record(progress, f"{hanzi}-{at}", ProgressRecorded(attempt_id="a", items=(item,)), at)


def test_before_the_first_attempt_there_is_nothing() -> None:
    found = next_practice(Progress(), None, NOW, limit=10)
    assert (found.items, found.due, found.next_due, found.plan_version) == ((), 0, None, None)
    assert [day.items for day in load_by_day(Progress(), NOW.date(), days=2)] == [0, 0]


def test_what_is_due_comes_first_and_the_longest_overdue_before_the_rest() -> None:
    progress = Progress()
    practised(progress, "马", "mǎ", NOW - timedelta(days=3), right=False)
    practised(progress, "你", "nǐ", NOW - timedelta(days=9), right=False)
    practised(progress, "好", "hǎo", NOW)
    plan = adapt(progress, analyse(progress), version=4, plan_id="p", now=NOW - timedelta(minutes=1))
    found = next_practice(progress, plan, NOW, limit=10)
    assert [(item.hanzi, item.reason) for item in found.items] == [("你", "due"), ("马", "due")]
    assert (found.due, found.plan_version, found.focus_tones) == (2, 4, (3,))
    assert found.next_due is not None
    assert datetime.fromisoformat(found.next_due) > NOW
    assert len(next_practice(progress, plan, NOW, limit=1).items) == 1


def test_what_the_plan_asks_for_stays_until_it_is_practised() -> None:
    progress = Progress()
    practised(progress, "马", "mǎ", NOW - timedelta(seconds=1), right=False)
    plan = adapt(progress, analyse(progress), version=1, plan_id="p", now=NOW)
    assert [item.reason for item in next_practice(progress, plan, NOW, limit=10).items] == ["weak-tone"]
    practised(progress, "马", "mǎ", NOW + timedelta(seconds=1))
    assert next_practice(progress, plan, NOW + timedelta(seconds=2), limit=10).items == ()


def test_each_day_has_its_load_and_today_has_what_is_overdue() -> None:
    progress = Progress()
    practised(progress, "马", "mǎ", NOW - timedelta(days=40), right=False)
    practised(progress, "好", "hǎo", NOW - timedelta(days=1))
    days = load_by_day(progress, NOW.date(), days=60)
    assert days[0].day == "2026-11-25"
    assert days[0].items >= 1
    assert sum(day.items for day in days) == 2
