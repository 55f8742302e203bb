"""What to practise next: due items and items of the weakest tones. A pure function of progress and analysis.

A learner's plans are a fold over the facts that state them: the same facts in the same order give the same bytes.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from shared_code.domain.events.planning import PlanAdapted
from shared_code.domain.learning.analysis import Analysis
from shared_code.domain.learning.progress import ItemProgress, Progress

FOLD = 1  # the version of this fold: raise it whenever the same facts give another document
LESSON_ITEMS = 10
REMEMBERED = 20  # plans
TAKEN_BACK = 200  # ids of plans that are taken back, so that a step that runs again finds its own among them


class PlannedItem(Struct, frozen=True, kw_only=True):
    """One syllable to practise, when it falls due (RFC 3339, None if never reviewed), and why it was chosen."""

    hanzi: str
    pinyin: str
    tone: int
    due: str | None
    reason: str  # due, weak-tone, last-attempt-weak, or another planner's own


class LessonPlan(Struct, frozen=True, kw_only=True):
    """The next lesson. `version` counts the learner's plans, `adapted_at` (RFC 3339) is when it was stated."""

    version: int
    plan_id: str
    adapted_at: str
    focus_tones: tuple[int, ...]
    items: tuple[PlannedItem, ...]


class Plans(Struct, kw_only=True):
    """A learner's plans, the latest last, read from the stream up to `position`.

    `versions` counts all that there were, `withdrawn` are the ids of those that were taken back. `fold` is the version
    of the fold that made it, 0 for what none has made; a document of another one is never gone on with.
    """

    versions: int = 0
    position: int = 0
    plans: list[LessonPlan] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    fold: int = 0

    def of(self, plan_id: str) -> LessonPlan | None:
        """The plan of this id; None where many came after it, or it is taken back."""
        return next((plan for plan in self.plans if plan.plan_id == plan_id), None)


def record(plans: Plans, fact: PlanAdapted, at: str) -> None:
    """Fold one fact in, stated at this moment. The caller gives each fact once, in the stream's order.

    A plan that is stated again under its id is a revision, and the latest plan. What was taken back stays so.
    """
    plans.plans = [plan for plan in plans.plans if plan.plan_id != fact.plan_id]
    if fact.cause == "withdrawn":
        plans.withdrawn = [*plans.withdrawn, fact.plan_id][-TAKEN_BACK:]
    elif fact.plan_id not in plans.withdrawn:
        plans.versions += 1
        plans.plans = [*plans.plans, stated(fact, plans.versions, at)][-REMEMBERED:]


def stated(fact: PlanAdapted, version: int, at: str) -> LessonPlan:
    """The plan that a fact states, the learner's plan of this number, at this moment (RFC 3339)."""
    items = tuple(
        PlannedItem(
            hanzi=item.hanzi,
            pinyin=item.pinyin,
            tone=item.tone,
            due=item.due.isoformat() if item.due else None,
            reason=item.reason or "planned",
        )
        for item in fact.items
    )
    return LessonPlan(version=version, plan_id=fact.plan_id, adapted_at=at, focus_tones=fact.focus_tones, items=items)


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


def adapt(progress: Progress, analysis: Analysis, *, version: int, plan_id: str, now: datetime) -> LessonPlan:
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
        plan_id=plan_id,
        adapted_at=now.isoformat(),
        focus_tones=focus,
        items=tuple(chosen[:LESSON_ITEMS]),
    )
