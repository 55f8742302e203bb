"""When what falls due: the next things to practise, and how much on which day. Pure functions of progress and plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct

from shared_code.domain.learning.plan import LessonPlan, PlannedItem
from shared_code.domain.learning.progress import ItemProgress, Progress


class NextPractice(Struct, frozen=True, kw_only=True):
    """What to practise now, the most urgent first. `due` counts all that is due, `next_due` is when more will be.

    `plan_version` is the plan that was looked at, None before the first one.
    """

    items: tuple[PlannedItem, ...]
    due: int
    next_due: str | None
    focus_tones: tuple[int, ...]
    plan_version: int | None


class DayLoad(Struct, frozen=True, kw_only=True):
    """How many items fall due on one day (UTC); what is overdue counts for the first day."""

    day: str
    items: int


def next_practice(progress: Progress, plan: LessonPlan | None, now: datetime, *, limit: int) -> NextPractice:
    """What is due by its review date, the longest overdue first, then what of the plan was not practised since."""
    due = sorted((moment, key) for key, moment in _dues(progress) if moment <= now)
    waiting = [moment for _, moment in _dues(progress) if moment > now]
    chosen = {key: _planned(progress.items[key], moment.isoformat(), "due") for moment, key in due}
    for item in plan.items if plan else ():
        key = f"{item.hanzi}:{item.pinyin}"
        if plan and key not in chosen and not _practised_since(progress.items.get(key), plan.adapted_at):
            chosen[key] = item
    return NextPractice(
        items=tuple(chosen.values())[:limit],
        due=len(due),
        next_due=min(waiting).isoformat() if waiting else None,
        focus_tones=plan.focus_tones if plan else (),
        plan_version=plan.version if plan else None,
    )


def load_by_day(progress: Progress, today: date, *, days: int) -> tuple[DayLoad, ...]:
    """How much falls due on each of the coming days, today included."""
    counts = Counter(max(moment.date(), today) for _, moment in _dues(progress))
    coming = (today + timedelta(days=number) for number in range(days))
    return tuple(DayLoad(day=day.isoformat(), items=counts[day]) for day in coming)


def _dues(progress: Progress) -> Iterator[tuple[str, datetime]]:
    for key, item in progress.items.items():
        if item.card:
            yield key, datetime.fromisoformat(item.card["due"])


def _planned(item: ItemProgress, due: str, reason: str) -> PlannedItem:
    return PlannedItem(hanzi=item.hanzi, pinyin=item.pinyin, tone=item.tone, due=due, reason=reason)


def _practised_since(item: ItemProgress | None, moment: str) -> bool:
    last = item.card.get("last_review") if item and item.card else None
    return last is not None and datetime.fromisoformat(last) > datetime.fromisoformat(moment)
