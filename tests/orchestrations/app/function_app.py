"""A saga of four steps with undos, and activities that fail where the input says so. They write down what they did."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from orchestrations.compensation import Saga, Steps
from shared_code.domain.sagas import StepFailed

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
LOG = Path(os.environ["SAGA_LOG"])


@app.orchestration_trigger(context_name="context", orchestration="story")
def story(context: df.DurableOrchestrationContext) -> Steps:
    """Four steps, three of them with an undo."""
    given = context.get_input()
    saga = Saga(context)
    try:
        yield from saga.step("first", given, undo="undo_first")
        yield from saga.step("second", given)
        yield from saga.step("third", given, undo="undo_third")
        yield from saga.step("fourth", given, undo="undo_fourth")
    except Exception as failure:  # noqa: BLE001 - as a saga does
        return (yield from saga.compensate(failure))
    return saga.completed()


def _do(payload: dict[str, Any]) -> None:
    name = payload["step"]
    with LOG.open("a") as log:
        log.write(f"{payload['saga_id']} {name}\n")
    if name in payload["input"]["failing"] and not Path(f"{LOG}.repaired").exists():
        if name == "second":
            raise RuntimeError("nobody expected this")
        raise StepFailed(f"{name.replace('_', '-')}-down")


@app.activity_trigger(input_name="payload", activity="first")
async def first(payload: dict) -> None:  # type: ignore[type-arg]
    _do(payload)


@app.activity_trigger(input_name="payload", activity="second")
async def second(payload: dict) -> None:  # type: ignore[type-arg]
    _do(payload)


@app.activity_trigger(input_name="payload", activity="third")
async def third(payload: dict) -> None:  # type: ignore[type-arg]
    _do(payload)


@app.activity_trigger(input_name="payload", activity="fourth")
async def fourth(payload: dict) -> None:  # type: ignore[type-arg]
    _do(payload)


@app.activity_trigger(input_name="payload", activity="undo_first")
async def undo_first(payload: dict) -> None:  # type: ignore[type-arg]
    _do(payload)


@app.activity_trigger(input_name="payload", activity="undo_third")
async def undo_third(payload: dict) -> None:  # type: ignore[type-arg]
    _do(payload)


@app.activity_trigger(input_name="payload", activity="undo_fourth")
async def undo_fourth(payload: dict) -> None:  # type: ignore[type-arg]
    _do(payload)
