"""Progress, analysis and plan: pure functions of the learner's events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.learning.analysis import analyse
from shared_code.domain.learning.plan import LESSON_ITEMS, adapt
from shared_code.domain.learning.progress import Progress, record
from shared_code.domain.learning.review import review

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def item(hanzi: str = "好", pinyin: str = "hǎo", expected: int = 3, **known: object) -> PractisedItem:
    return PractisedItem(hanzi=hanzi, pinyin=pinyin, expected=expected, **known)  # type: ignore[arg-type]


def attempt(*items: PractisedItem) -> ProgressRecorded:
    return ProgressRecorded(attempt_id="a", items=items)


def folded(*attempts: ProgressRecorded, reverted: tuple[str, ...] = ()) -> Progress:
    progress = Progress(reverted=list(reverted))
    for number, each in enumerate(attempts):
        record(progress, f"e{number}", each, NOW + timedelta(minutes=number))
    return progress


def test_the_same_events_give_the_same_bytes() -> None:
    """A projection can be rebuilt and compared byte for byte: no clock, no chance."""
    attempts = [attempt(item(heard=3, tone_score=90.0, accuracy=80.0)), attempt(item(heard=2, error="tone"))]
    assert msgspec.json.encode(folded(*attempts)) == msgspec.json.encode(folded(*attempts))


def test_a_reverted_event_leaves_no_trace() -> None:
    """What a compensated saga took back counts nowhere."""
    good, bad = attempt(item(heard=3, tone_score=90.0)), attempt(item(heard=1, tone_score=5.0, error="tone"))
    without, never = folded(good, bad, reverted=("e1",)), folded(good)
    assert msgspec.structs.replace(without, reverted=[]) == never


def test_an_unknown_outcome_is_no_review() -> None:
    """Unknown is never turned into good or bad: the card stays as it was."""
    assert review(None, item(), NOW) is None
    card = review(None, item(accuracy=95.0, tone_score=97.0), NOW)
    assert folded(attempt(item())).items["好:hǎo"].card is None
    assert card is not None


def test_a_claimed_error_comes_back_sooner_than_a_good_answer() -> None:
    """Again before Hard before Good before Easy."""
    outcomes = [
        item(error="tone", tone_score=5.0),
        item(accuracy=50.0, tone_score=40.0),
        item(accuracy=80.0, tone_score=70.0),
        item(accuracy=98.0, tone_score=99.0),
    ]
    cards = [review(None, each, NOW) for each in outcomes]
    due = [datetime.fromisoformat(str(card["due"])) for card in cards if card]
    assert due == sorted(due)
    assert len(set(due)) == 4


def test_the_first_perfect_tone_is_remembered_with_its_event() -> None:
    """Once a tone, for the event that earned it; a near miss and a later one earn nothing."""
    near, perfect = item(heard=3, tone_score=94.9), item(heard=3, tone_score=95.0)
    progress = folded(attempt(near), attempt(perfect), attempt(perfect))
    assert progress.perfect_tones == {"3": "e1"}


def test_an_accepted_sandhi_tone_is_heard_right() -> None:
    """你 in 你好 is right in tone 2 and in tone 3."""
    progress = folded(attempt(item("你", "nǐ", 3, accepted=(2, 3), heard=2, tone_score=90.0)))
    assert progress.tones["3"].right == 1
    assert progress.confusions == {}


def test_confusions_and_weakest_tones_come_in_order() -> None:
    """The most frequent confusion first; the tone heard right least often first."""
    wrong = [attempt(item(heard=2, error="tone"))] * 2 + [attempt(item("马", "mǎ", 3, heard=4, error="tone"))]
    right = [attempt(item("妈", "mā", 1, heard=1)), attempt(item("骂", "mà", 4, heard=4))]
    found = analyse(folded(*wrong, *right, attempt(item("骂", "mà", 4, heard=1, error="tone"))))
    assert [(each.expected, each.heard, each.times) for each in found.confusions] == [(3, 2, 2), (3, 4, 1), (4, 1, 1)]
    assert found.weakest_tones == (3, 4)


@pytest.mark.parametrize(
    ("before", "after", "direction"), [(50.0, 80.0, "rising"), (80.0, 50.0, "falling"), (70.0, 71.0, "steady")]
)
def test_a_trend_compares_the_latest_ten_with_the_ten_before(before: float, after: float, direction: str) -> None:
    """Ten attempts on each side; too few to compare is unknown."""
    attempts = [attempt(item(accuracy=before))] * 10 + [attempt(item(accuracy=after))] * 10
    trend = analyse(folded(*attempts)).accuracy
    assert (trend.mean, trend.change, trend.direction) == (after, after - before, direction)
    assert analyse(folded(*attempts[:2])).accuracy.direction == "unknown"


def test_a_plan_has_due_items_first_then_weak_tones_and_at_most_ten() -> None:
    """What is due today, then what the weakest tones need."""
    hanzi = "一二三四五六七八九十天地人"
    weak = [attempt(item(each, "mǎ", 3, heard=2, error="tone")) for each in hanzi]
    progress = folded(attempt(item("妈", "mā", 1, heard=1, accuracy=99.0, tone_score=99.0)), *weak)
    plan = adapt(progress, analyse(progress), version=1, plan_id="p", now=NOW + timedelta(days=300))
    assert len(plan.items) == LESSON_ITEMS
    assert plan.focus_tones == (3,)
    assert {each.reason for each in plan.items} == {"due"}
    early = adapt(progress, analyse(progress), version=1, plan_id="p", now=NOW)
    assert {each.reason for each in early.items} == {"weak-tone"}
