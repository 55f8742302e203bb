"""Durable functions, and an HTTP function that starts them through the durable client binding."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from durabletask.task import TaskFailedError

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def _record(**facts: object) -> None:
    with open(os.environ["RECORD"], "a", encoding="utf-8") as record:
        record.write(json.dumps(facts, default=str) + "\n")


@app.route(route="start/{name}/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    body = req.get_body()
    instance = await client.start_new(
        req.route_params["name"], instance_id=req.route_params["id"], client_input=json.loads(body) if body else None
    )
    return client.create_check_status_response(req, instance)


@app.route(route="counters/{key}/{operation?}", methods=["GET", "POST"])
@app.durable_client_input(client_name="client")
async def counters(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Signal an operation to a counter, or read it."""
    entity = df.EntityId("Counter", req.route_params["key"])
    if req.method == "POST":
        await client.signal_entity(entity, req.route_params["operation"], json.loads(req.get_body()))
        return func.HttpResponse(status_code=202)
    found = await client.read_entity_state(entity)
    return func.HttpResponse(json.dumps(found.entity_state), status_code=200 if found.entity_exists else 404)


@app.entity_trigger(context_name="context", entity_name="Counter")
def count(context: Any) -> None:
    total = context.get_state(lambda: 0)
    if context.operation_name == "add":
        total += context.get_input()["by"]
        context.set_state(total)
    elif context.operation_name == "fail":
        raise ValueError("as asked")
    context.set_result(total)


@app.orchestration_trigger(context_name="context", orchestration="transfer")
def transfer(context: Any, keys: list[str]) -> Any:
    """Take from one counter and add to another while nobody else may touch them; then call what fails."""
    one, other = (df.EntityId("counter", key) for key in keys)
    with (yield context.lock_entities([one, other])):
        yield context.call_entity(one, "add", {"by": -1})
        yield context.wait_for_external_event("go")
        total = yield context.call_entity(other, "add", {"by": 1})
    try:
        yield context.call_entity(one, "fail", {})
    except TaskFailedError as failure:
        return [total, str(failure)]


@app.orchestration_trigger(context_name="context", orchestration="chain")
def chain(context: Any) -> Any:
    """Add one, three times."""
    value = context.get_input() or 0
    for _ in range(3):
        value = yield context.call_activity("add_one", value)
    return value


@app.activity_trigger(input_name="value")
async def add_one(value: int) -> int:
    _record(function="add_one", value=value)
    return value + 1


@app.orchestration_trigger(context_name="context", orchestration="failing")
def failing(context: Any) -> Any:
    yield context.call_activity("fail", {"a": 1})


@app.activity_trigger(input_name="value")
async def fail(value: Any) -> None:
    raise KeyError("not there")


@app.orchestration_trigger(context_name="context", orchestration="lost")
def lost(context: Any) -> Any:
    yield context.call_activity("nobody_knows_it", None)


@app.orchestration_trigger(context_name="context", orchestration="waiting")
def waiting(context: Any) -> Any:
    context.set_custom_status({"at": "waiting"})
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger(context_name="context", orchestration="slow")
def slow(context: Any) -> Any:
    return (yield context.call_activity("sleep", context.get_input()))


@app.activity_trigger(input_name="seconds")
async def sleep(seconds: float) -> str:
    _record(function="sleep", at="start", worker=os.getpid())
    await asyncio.sleep(seconds)
    _record(function="sleep", at="end")
    return "slept"
