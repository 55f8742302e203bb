"""Who gets which variant."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared_code.domain.events.experiment import Variant
from shared_code.domain.experiment import Experiment

NOW = datetime(2026, 11, 25, tzinfo=UTC)
HALVES = Experiment(
    experiment_id="tips",
    version=1,
    status="running",
    variants=(Variant(name="short", share=0.5), Variant(name="long", share=0.3)),
    salt="tips",
)
LEARNERS = [f"learner-{number}" for number in range(5000)]


def but(**changes: Any) -> Experiment:
    return msgspec.structs.replace(HALVES, **changes)


def test_shares_hold_and_who_is_left_over_takes_no_part() -> None:
    seen = Counter(HALVES.variant_of(person, NOW) for person in LEARNERS)
    assert seen["short"] / 5000 == pytest.approx(0.5, abs=0.03)
    assert seen["long"] / 5000 == pytest.approx(0.3, abs=0.03)
    assert seen[None] == 5000 - seen["short"] - seen["long"]


def test_a_learner_stays_with_a_variant_until_the_salt_changes() -> None:
    first = [HALVES.variant_of(person, NOW) for person in LEARNERS]
    assert [HALVES.variant_of(person, NOW + timedelta(days=9)) for person in LEARNERS] == first
    dealt_anew = [but(salt="anew").variant_of(person, NOW) for person in LEARNERS]
    same = sum(before == after for before, after in zip(first, dealt_anew, strict=True)) / 5000
    assert same == pytest.approx(0.5**2 + 0.3**2 + 0.2**2, abs=0.03)


def test_two_experiments_say_nothing_of_each_other() -> None:
    other = but(experiment_id="colours")
    both = Counter((HALVES.variant_of(person, NOW), other.variant_of(person, NOW)) for person in LEARNERS)
    assert both["short", "short"] / 5000 == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    "experiment",
    [but(status="draft"), but(status="paused"), but(starts_at=NOW + timedelta(hours=1)), but(ends_at=NOW)],
    ids=["draft", "paused", "not yet", "over"],
)
def test_nobody_is_in_an_experiment_that_is_not_on(experiment: Experiment) -> None:
    assert {experiment.variant_of(person, NOW) for person in LEARNERS[:200]} == {None}


def test_the_winner_is_everybodys() -> None:
    concluded = but(status="concluded", winner="long")
    assert {concluded.variant_of(person, NOW) for person in LEARNERS[:200]} == {"long"}
