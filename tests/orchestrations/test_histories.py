"""Sagas in flight outlive a deployment: what their histories say must still be what the code does.

learn.microsoft.com/azure/azure-functions/durable, "Versioning in Durable Functions". `histories/README.md` says what to
do when this fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest

from orchestrations import compensation
from orchestrations.compensation import Saga, Steps
from orchestrations.sagas import learning_progress
from tests.orchestrations.branches import RESULTS, branches
from tests.orchestrations.orchestrators import orchestrators
from tests.orchestrations.replay import Breaks, replay
from tests.orchestrations.stage import stage
from tests.orchestrations.stored import HISTORIES, read, stored

NAMES = [path.relative_to(HISTORIES).with_suffix("").as_posix() for path in stored()]


@pytest.mark.parametrize("name", NAMES)
def test_an_instance_with_a_stored_history_goes_on_as_it_was_told(name: str) -> None:
    """At each of its turns; an instance may be in flight anywhere."""
    path = HISTORIES / f"{name}.jsonl"
    replay(orchestrators()[path.parent.name], read(path))


def test_every_way_of_every_saga_is_stored(tmp_path: Path) -> None:
    """Found by running them; `python -m tests.orchestrations.record` stores what is missing."""
    found = orchestrators()
    with stage(tmp_path, found, RESULTS) as running:
        ways = {f"{saga}/{name}" for saga in found for name, _ in branches(running, saga)}
    assert ways - set(NAMES) == set()


class Swapped(Saga):
    """Two steps in the other order."""

    def step(self, activity: str, payload: Any, *, undo: str | None = None) -> Steps:
        other = {"analyse_effectiveness": "adapt_lesson_plan", "adapt_lesson_plan": "analyse_effectiveness"}
        return (yield from super().step(other.get(activity, activity), payload, undo=undo))


class Shortened(Saga):
    """A step less."""

    def step(self, activity: str, payload: Any, *, undo: str | None = None) -> Steps:
        if activity != "analyse_effectiveness":
            return (yield from super().step(activity, payload, undo=undo))


class Prolonged(Saga):
    """A step more, in front."""

    def step(self, activity: str, payload: Any, *, undo: str | None = None) -> Steps:
        if activity == "record_progress":
            yield from super().step("greet_learner", payload)
        return (yield from super().step(activity, payload, undo=undo))


class Keyed(Saga):
    """Something is expected of a result that older results do not have."""

    def step(self, activity: str, payload: Any, *, undo: str | None = None) -> Steps:
        result = yield from super().step(activity, payload, undo=undo)
        return result["new"] if activity == "analyse_effectiveness" else result


class Extended(Saga):
    """A step more at the end, where those in flight have not been."""

    def step(self, activity: str, payload: Any, *, undo: str | None = None) -> Steps:
        result = yield from super().step(activity, payload, undo=undo)
        if activity == "notify_learner":
            yield from super().step("congratulate_learner", payload)
        return result


def broken() -> list[str]:
    """The stored histories that today's code does not go on with."""

    def breaks() -> Iterator[str]:
        for name in NAMES:
            path = HISTORIES / f"{name}.jsonl"
            try:
                replay(orchestrators()[path.parent.name], read(path))
            except Breaks:
                yield name

    return list(breaks())


@pytest.mark.parametrize("change", [Swapped, Shortened, Prolonged, Keyed])
def test_a_change_that_breaks_running_sagas_is_found(change: type[Saga], monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps swapped, left out, put in front, or read otherwise: histories that went further no longer fit."""
    monkeypatch.setattr(learning_progress, "Saga", change)
    assert "learning_progress_saga/done" in broken()


def test_another_number_of_attempts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows only where a step failed."""
    monkeypatch.setattr(compensation, "RETRY", df.RetryOptions(1000, 2))
    assert "learning_progress_saga/undone-from-notify_learner" in broken()


def test_a_step_more_at_the_end_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is no stricter than Durable Functions are."""
    monkeypatch.setattr(learning_progress, "Saga", Extended)
    assert broken() == []
