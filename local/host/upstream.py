"""SignalR triggers: connections that come and go, which the SignalR Service posts to `/runtime/webhooks/signalr`.

learn.microsoft.com/azure/azure-signalr/signalr-concept-serverless-development-config and concept-upstream
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from local.host.indexing import Function, Refused
from local.host.invocation import Invoker
from local.host.protos import TypedData
from local.host.signalr import connection
from local.host.worker import InvocationFailed


class Upstream:
    """Runs a function for each event that one declares by hub and event."""

    def __init__(self, functions: Iterable[Function], invoker: Invoker, settings: Mapping[str, str]) -> None:
        """Raises Refused for clients' messages, which only clients that call hub methods send."""
        self._invoker = invoker
        self._functions: dict[tuple[str, str], tuple[Function, str]] = {}
        for function in functions:
            trigger = function.trigger
            if trigger["category"].lower() != "connections":
                raise Refused(f"Function '{function.name}': the local host does not know events of category 'messages'")
            key = connection(trigger, settings)[1]
            self._functions[trigger["hubName"].lower(), trigger["event"].lower()] = (function, key)

    def endpoints(self) -> list[web.RouteDef]:
        """The one address that the service knows."""
        return [web.post("/webhooks/signalr", self._event)]

    async def _event(self, http: web.Request) -> web.Response:
        names = ("Hub", "Category", "Event", "Connection-Id", "Signature")
        hub, category, event, connection_id, signatures = (http.headers.get(f"X-ASRS-{name}", "") for name in names)
        function, key = self._functions.get((hub.lower(), event.lower()), (None, ""))
        if function is None or category.lower() != "connections":
            return web.Response(status=404)
        expected = "sha256=" + hmac.new(key.encode(), connection_id.encode(), hashlib.sha256).hexdigest()
        if not any(hmac.compare_digest(each.encode(), expected.encode()) for each in signatures.split(",")):
            return web.Response(status=401)
        try:
            await self._invoker.run(function, TypedData(string=json.dumps(await _context(http))))
        except InvocationFailed:
            return web.Response(status=403 if event == "connected" else 500)
        return web.Response(status=204)


async def _context(http: web.Request) -> dict[str, object]:
    """The trigger's value, as the extension writes it."""
    headers = http.headers
    claims = (claim.partition(": ") for claim in headers.get("X-ASRS-User-Claims", "").split(",") if claim.strip())
    body = await http.read()
    return {
        "Arguments": None,
        "Error": json.loads(body).get("error") if body else None,
        "Category": headers["X-ASRS-Category"],
        "Event": headers["X-ASRS-Event"],
        "Hub": headers["X-ASRS-Hub"],
        "ConnectionId": headers["X-ASRS-Connection-Id"],
        "UserId": headers.get("X-ASRS-User-Id"),
        "Headers": dict(headers),
        "Query": dict(parse_qsl(headers.get("X-ASRS-Client-Query", "").removeprefix("?"))),
        "Claims": {name.strip(): value for name, _, value in reversed(list(claims))},  # of equal names the first
    }
