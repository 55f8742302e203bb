"""`kill -9` of everything, at every step of the way: nothing is lost and nothing happens twice."""

from __future__ import annotations

from typing import Any

import pytest

from demo.items import RIGHT, VOICE
from demo.voice import speak
from tests.e2e.people import api_of, learner
from tests.e2e.stack import Stack, eventually

STEPS = ("bus_learning_progress", "record_progress", "analyse_effectiveness", "adapt_lesson_plan", "notify_learner")
ONCE = (
    "sayzhong.assessment.completed.v1",
    "sayzhong.learning.progress-recorded.v1",
    "sayzhong.effectiveness.analysed.v1",
    "sayzhong.planning.plan-adapted.v1",
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(own_stack: Stack, step: str, moment: str) -> None:
    """Hold one function before it runs, or after it ran and before that is known; kill everything; start again."""
    stack = own_stack
    await stack.start(LOCAL_HOLD=f"{moment}:{step}")
    item = RIGHT[0]
    async with learner(stack, "crash-mei") as mei:
        status, result, correlation_id = await mei.attempt(item.text, await speak(item.spoken, variant=VOICE))
        assert status == 200, result
        await stack.wait_for_line(f"Holding 'Functions.{step}'", 60)
        await stack.kill()
        session_id = mei.session_id

    await stack.start()
    async with api_of(stack, "crash-mei") as api, api_of(stack, "crash-operator", "operator") as operator:

        async def messages() -> list[dict[str, Any]]:
            _, missed, _ = await api.call("GET", f"/api/v1/sessions/{session_id}/messages", after="0")
            found: list[dict[str, Any]] = missed.get("messages", [])  # none while a busy machine still starts
            return found if "lesson_adapted" in [message["type"] for message in found] else []

        shown: list[dict[str, Any]] = await eventually(messages, 60, "lesson_adapted")
        types = [message["type"] for message in shown]
        assert types.count("learning_feedback") == 1
        assert types.count("lesson_adapted") == 1
        assert len({(message["type"], str(message["data"])) for message in shown}) == len(shown)

        _, found, _ = await operator.call("GET", "/api/v1/ops/events", correlation_id=correlation_id)
        stored = [event["type"] for event in found["events"]]
        assert {name: stored.count(name) for name in ONCE} == dict.fromkeys(ONCE, 1)
        cause = next(event["id"] for event in found["events"] if event["type"] == ONCE[1])

        async def completed() -> bool:
            _, saga, _ = await operator.call("GET", f"/api/v1/ops/sagas/learning-progress-{cause}")
            return bool(saga.get("status") == "Completed")

        await eventually(completed, 60, "the saga's end")
        _, progress, _ = await api.call("GET", "/api/v1/progress/me")
        assert progress["attempts"] == 1
        _, plan, _ = await api.call("GET", "/api/v1/planning/me")
        assert plan["version"] == 1
