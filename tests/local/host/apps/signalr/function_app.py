"""SignalR functions: pushes and group actions out, connections that come and go as triggers."""

from __future__ import annotations

import json
import os
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
CONNECTION = {"connectionStringSetting": "AzureSignalRConnectionString", "hubName": "Learning"}


def _record(**facts: object) -> None:
    with open(os.environ["RECORD"], "a", encoding="utf-8") as record:
        record.write(json.dumps(facts, default=str) + "\n")


@app.route(route="push", methods=["POST"])
@app.generic_output_binding(arg_name="signalR", type="signalR", **CONNECTION)
async def push(req: func.HttpRequest, signalR: func.Out[str]) -> func.HttpResponse:  # noqa: N803
    signalR.set(req.get_body().decode())
    return func.HttpResponse("pushed")


@app.route(route="push-and-raise", methods=["POST"])
@app.generic_output_binding(arg_name="signalR", type="signalR", **CONNECTION)
async def push_and_raise(req: func.HttpRequest, signalR: func.Out[str]) -> func.HttpResponse:  # noqa: N803
    signalR.set(req.get_body().decode())
    raise RuntimeError("after the push")


def _event(event: str) -> Any:
    trigger = {"type": "signalRTrigger", "category": "connections", "event": event}
    return app.generic_trigger(arg_name="context", **trigger, **CONNECTION)


@_event("connected")
async def connected(context: str) -> None:
    _record(function="connected", **json.loads(context))
    if json.loads(context)["UserId"] == "unwanted":
        raise PermissionError("not you")


@_event("disconnected")
async def disconnected(context: str) -> None:
    _record(function="disconnected", **json.loads(context))
