"""What to practise next: due items and items of the weakest tones. A pure function of progress and analysis."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from shared_code.domain.learning.analysis import Analysis
from shared_code.domain.learning.progress import ItemProgress, Progress

LESSON_ITEMS = 10


class PlannedItem(Struct, frozen=True, kw_only=True):
    """One syllable to practise, when it falls due (RFC 3339, None if never reviewed), and why it was chosen."""

    hanzi: str
    pinyin: str
    tone: int
    due: str | None
    reason: str  # due, weak-tone, last-attempt-weak


class LessonPlan(Struct, frozen=True, kw_only=True):
    """The next lesson. `version` counts adaptations; `saga_id` says which one made it."""

    version: int
    saga_id: str
    adapted_at: str
    focus_tones: tuple[int, ...]
    items: tuple[PlannedItem, ...]


def _due(item: ItemProgress) -> str | None:
    return str(item.card["due"]) if item.card else None


def _reason(item: ItemProgress, focus: tuple[int, ...], now: datetime) -> str | None:
    due = _due(item)
    if due is not None and datetime.fromisoformat(due) <= now:
        return "due"
    if item.tone in focus:
        return "weak-tone"
    if item.last_quality is not None and item.last_quality < 60:
        return "last-attempt-weak"
    return None


def adapt(progress: Progress, analysis: Analysis, *, version: int, saga_id: str, now: datetime) -> LessonPlan:
    """Plan the next lesson: at most ten items, due ones first, then weak tones, each the earliest due first."""
    focus = analysis.weakest_tones[:2]
    order = {"due": 0, "weak-tone": 1, "last-attempt-weak": 2}
    chosen = []
    for item in progress.items.values():
        reason = _reason(item, focus, now)
        if reason is not None:
            chosen.append(
                PlannedItem(hanzi=item.hanzi, pinyin=item.pinyin, tone=item.tone, due=_due(item), reason=reason)
            )
    chosen.sort(key=lambda item: (order[item.reason], item.due or "", item.hanzi, item.pinyin))
    return LessonPlan(
        version=version,
        saga_id=saga_id,
        adapted_at=now.isoformat(),
        focus_tones=focus,
        items=tuple(chosen[:LESSON_ITEMS]),
    )
