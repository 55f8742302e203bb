"""The ways that a saga can take, found by running it: done, undone from each step, parked at each undo, and decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared_code.domain.sagas import OPERATOR_EVENT
from tests.orchestrations.stage import Stage

EVENT = {
    "specversion": "1.0",
    "id": "01a214d9-b06b-7ab3-91ea-2082b161bc49",
    "source": "/sayzhong/assessment",
    "type": "sayzhong.learning.progress-recorded.v1",
    "subject": "mei",
    "time": "2026-11-25T22:35:40.000Z",
    "datacontenttype": "application/json",
    "correlationid": "01a214d9-a1f0-7c11-8d2b-6f5c1a9e0b77",
    "tenantid": "sayzhong",
    "data": {"attempt_id": "01a214d9-a9c2-7b0e-9d0a-3a1f5c7e9b10"},
    "stream": "learner-mei",
}
TREND = {"mean": 78.2, "change": None, "direction": "unknown"}
ANALYSIS = {
    "progress_version": 1, "attempts": 1, "accuracy": TREND, "tone": TREND, "confusions": [], "weakest_tones": [3],
    "tones": [{"tone": 3, "practised": 1, "right_share": 0.0}],
}  # fmt: skip

# What a saga is started with, by orchestration and the name of the way; an event for those not named here.
INPUTS: dict[str, dict[str, Any]] = {
    "learning_progress_saga": {"done": EVENT, "quiet": {"event": EVENT, "quiet": True}},
}
RESULTS = {"record_progress": 1, "analyse_effectiveness": ANALYSIS, "adapt_lesson_plan": 2}


def branches(stage: Stage, saga: str) -> Iterator[tuple[str, list[Any]]]:
    """The name and the history of each way."""
    inputs = INPUTS.get(saga, {"done": EVENT})
    for name, given in inputs.items():
        yield name, stage.history(stage.run(saga, given))
    given = next(iter(inputs.values()))
    stage.run(saga, given)
    steps = stage.asked
    undos: list[str] = []
    for step in steps:
        yield f"undone-from-{step}", stage.history(stage.run(saga, given, step))
        undos = [name for name in stage.asked if name not in steps]
    for undo in undos:
        yield f"parked-at-{undo}", stage.history(stage.run(saga, given, steps[-1], undo))
        for action in ("retry", "skip"):
            instance_id = stage.run(saga, given, steps[-1], undo)
            stage.failing = {steps[-1]} if action == "retry" else stage.failing
            stage.client.raise_orchestration_event(instance_id, OPERATOR_EVENT, data={"action": action, "step": undo})
            stage.until(instance_id)
            yield f"decided-{action}-{undo}", stage.history(instance_id)
