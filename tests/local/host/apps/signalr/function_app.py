"""SignalR functions: connection information in, pushes and group actions out, events as triggers."""

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


@app.route(route="negotiate", methods=["POST"])
@app.generic_input_binding(arg_name="info", type="signalRConnectionInfo", userId="{headers.x-user}", **CONNECTION)
async def negotiate(req: func.HttpRequest, info: str) -> func.HttpResponse:
    return func.HttpResponse(info, mimetype="application/json")


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


def _event(category: str, event: str) -> Any:
    return app.generic_trigger(arg_name="context", type="signalRTrigger", category=category, event=event, **CONNECTION)


@_event("connections", "connected")
async def connected(context: str) -> None:
    _record(function="connected", **json.loads(context))
    if json.loads(context)["UserId"] == "unwanted":
        raise PermissionError("not you")


@_event("connections", "disconnected")
async def disconnected(context: str) -> None:
    _record(function="disconnected", **json.loads(context))


@_event("messages", "double")
async def double(context: str) -> str:
    _record(function="double", **json.loads(context))
    return json.dumps(json.loads(context)["Arguments"][0] * 2)


@_event("messages", "fails")
async def fails(context: str) -> None:
    raise RuntimeError("as asked")
