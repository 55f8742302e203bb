"""Spaced repetition of syllables: when an item is due again (FSRS, the `fsrs` package)."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from shared_code.domain.events.learning import PractisedItem

if TYPE_CHECKING:
    from fsrs import Scheduler
    from fsrs.card import CardDict

HARD_BELOW = 60.0
EASY_ABOVE = 90.0


def quality(item: PractisedItem) -> float | None:
    """How well an item was spoken, 0-100: the mean of what is known of accuracy and tone; None where nothing is."""
    known = [score for score in (item.accuracy, item.tone_score) if score is not None]
    return sum(known) / len(known) if known else None


def review(card: dict[str, Any] | None, item: PractisedItem, now: datetime) -> dict[str, Any] | None:
    """Review an item's card, or make its first one; None where the outcome is unknown, which is no review.

    Again on a claimed error, Hard below 60, Easy above 90, else Good. Fuzzing is off, so that the same events
    always give the same dates.
    """
    from fsrs import Card, Rating  # 16 ms: not on the path of a cold start

    score = quality(item)
    if item.error != "none":
        rating = Rating.Again
    elif score is None:
        return None
    elif score < HARD_BELOW:
        rating = Rating.Hard
    else:
        rating = Rating.Easy if score > EASY_ABOVE else Rating.Good

    # The library numbers cards by the clock; ours are keyed by learner and item, so the number is always 0.
    before = Card.from_dict(cast("CardDict", card)) if card else Card(card_id=0, due=now)
    after, _ = _scheduler().review_card(before, rating, now)
    return dict(after.to_dict())


@cache
def _scheduler() -> Scheduler:
    """It keeps nothing of what it reviews, and checks its parameters each time it is made."""
    from fsrs import Scheduler

    return Scheduler(enable_fuzzing=False)
