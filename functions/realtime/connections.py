"""Clients that come and go."""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func

from shared_code.bootstrap import app
from shared_code.realtime.signalr import HUB

bp = func.Blueprint()


def _connection_trigger(event: str) -> Any:
    return bp.generic_trigger(
        arg_name="context",
        type="signalRTrigger",
        hubName=HUB,
        category="connections",
        event=event,
        connectionStringSetting="AzureSignalRConnectionString",
    )


@_connection_trigger("connected")
async def rt_connected(context: str) -> None:
    """Record that somebody is connected."""
    _record("connected", context)


@_connection_trigger("disconnected")
async def rt_disconnected(context: str) -> None:
    """Record that a connection is gone. A session does not end with it: networks blink."""
    _record("disconnected", context)


def _record(event: str, context: str) -> None:
    connection = json.loads(context)
    app().storage.lake.write(
        "realtime",
        "connection_management/active_connections",
        {"event": event, "connection_id": connection["ConnectionId"], "user": connection["UserId"]},
    )
