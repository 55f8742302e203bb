"""Which instance is asked."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from shared_code.gateway.registry.balancing import choose, versioned
from shared_code.gateway.registry.instance import Instance, Service


def instance(name: str, weight: int = 100, version: str = "1") -> Instance:
    return Instance(service="content", id=name, url="https://x", weight=weight, version=version)


def shares(instances: list[Instance], load: dict[str, int], times: int = 10_000) -> dict[str, float]:
    draw = random.Random(7).random
    chosen = Counter(choose(instances, lambda each: load.get(each.id, 0), draw).id for _ in range(times))
    return {name: count / times for name, count in chosen.items()}


def test_the_busier_of_two_is_left_alone() -> None:
    assert shares([instance("a"), instance("b")], {"a": 5}) == {"b": 1.0}


def test_of_three_the_busiest_is_never_chosen() -> None:
    assert "a" not in shares([instance("a"), instance("b"), instance("c")], {"a": 9, "b": 1, "c": 1})


def test_an_idle_canary_gets_its_share_and_no_more() -> None:
    assert shares([instance("stable", 95), instance("canary", 5)], {})["canary"] == pytest.approx(0.05, abs=0.01)


def test_load_counts_by_weight() -> None:
    assert shares([instance("large", 300), instance("small", 100)], {"large": 2, "small": 1}) == {"large": 1.0}


TWO = [instance("old", version="1"), instance("new", version="2")]


def test_a_caller_stays_with_its_version_and_percentages_hold() -> None:
    service = Service(name="content", split={"2": 30})
    seen: Counter[tuple[int, str]] = Counter()
    for number in range(2000):
        first = versioned(TWO, service, "", f"learner-{number}")
        assert first == versioned(TWO, service, "", f"learner-{number}")
        seen[len(first), first[0].version] += 1
    assert seen[1, "2"] / 2000 == pytest.approx(0.3, abs=0.04)
    assert seen[2, "1"] == 2000 - seen[1, "2"]  # the rest is shared out by weight


def test_a_version_can_be_asked_for_and_an_answer_beats_an_experiment() -> None:
    service = Service(name="content", split={"2": 100})
    assert [each.id for each in versioned(TWO, service, "1", "mei")] == ["old"]
    assert versioned(TWO[:1], service, "", "mei") == TWO[:1]  # version 2 is not there
    assert versioned(TWO, service, "9", "mei") == TWO
