"""SignalR triggers: the events that the SignalR Service posts to `/runtime/webhooks/signalr`.

learn.microsoft.com/azure/azure-signalr/signalr-concept-serverless-development-config and concept-upstream
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from local.host.http import Endpoint
from local.host.indexing import Function
from local.host.invocation import Invoker
from local.host.protos import TypedData
from local.host.signalr import Connection
from local.host.worker import InvocationFailed

SEPARATOR = b"\x1e"
COMPLETION = 3
JSON, MSGPACK = "application/json", "application/x-msgpack"


class Upstream:
    """Runs a function for each event that one declares by hub, category and event."""

    def __init__(self, functions: Iterable[Function], invoker: Invoker, settings: Mapping[str, str]) -> None:
        self._functions = {
            tuple(str(function.trigger[key]).lower() for key in ("hubName", "category", "event")): (
                function,
                Connection.of(function.name, function.trigger, settings).access_key,
            )
            for function in functions
        }
        self._invoker = invoker

    def endpoints(self) -> list[Endpoint]:
        """The one address that the service knows."""
        return [("POST", "/runtime/webhooks/signalr", self._event)]

    async def _event(self, http: web.Request) -> web.StreamResponse:
        names = ("Hub", "Category", "Event", "Connection-Id", "Signature")
        hub, category, event, connection, signatures = (http.headers.get(f"X-ASRS-{name}", "") for name in names)
        function, key = self._functions.get((hub.lower(), category.lower(), event.lower()), (None, ""))
        if function is None:
            return web.Response(status=404)
        expected = "sha256=" + hmac.new(key.encode(), connection.encode(), hashlib.sha256).hexdigest()
        if not any(hmac.compare_digest(each.encode(), expected.encode()) for each in signatures.split(",")):
            return web.Response(status=401)
        if http.content_type not in (JSON, MSGPACK):
            return web.Response(status=415)
        message = _decoded(await http.read(), http.content_type)
        try:
            returned = await self._invoker.run(function, _context(http, message))
        except InvocationFailed:
            if category == "connections":
                return web.Response(status=403 if event == "connected" else 500)
            return _completion(http.content_type, message, 500, error="Function execution failed.")
        if returned is None or category == "connections":
            return _completion(http.content_type, message, 200)
        result = json.loads(returned.json) if returned.json else returned.string
        return _completion(http.content_type, message, 200, result=result)


def _decoded(body: bytes, content_type: str) -> dict[str, Any]:
    """The client's message, by the names of the JSON hub protocol."""
    if content_type == JSON:
        message: dict[str, Any] = json.loads(body.removesuffix(SEPARATOR))
        return message
    import msgpack  # only for clients that speak it

    kind, _headers, invocation, target, arguments, *_ = msgpack.unpackb(body)
    return {"type": kind, "invocationId": invocation, "target": target, "arguments": arguments}


def _context(http: web.Request, message: Mapping[str, Any]) -> TypedData:
    """The trigger's value, as the extension writes it; bytes become base64, as .NET has it."""
    headers = http.headers
    claims = (claim.partition(": ") for claim in headers.get("X-ASRS-User-Claims", "").split(",") if claim.strip())
    context = {
        "Arguments": message.get("arguments"),
        "Error": message.get("error"),
        "Category": headers["X-ASRS-Category"],
        "Event": headers["X-ASRS-Event"],
        "Hub": headers["X-ASRS-Hub"],
        "ConnectionId": headers["X-ASRS-Connection-Id"],
        "UserId": headers.get("X-ASRS-User-Id"),
        "Headers": dict(headers),
        "Query": dict(parse_qsl(headers.get("X-ASRS-Client-Query", "").removeprefix("?"))),
        "Claims": {name.strip(): value for name, _, value in reversed(list(claims))},  # of equal names the first
    }
    return TypedData(string=json.dumps(context, default=lambda value: base64.b64encode(value).decode()))


def _completion(content_type: str, message: Mapping[str, Any], status: int, **outcome: Any) -> web.Response:
    """The answer to a client that waits for one: a completion in its own protocol."""
    invocation = message.get("invocationId")
    if not invocation:
        return web.Response(status=204 if status == 200 else status)
    if content_type == JSON:
        body = json.dumps({"type": COMPLETION, "invocationId": invocation, **outcome}).encode() + SEPARATOR
    else:
        import msgpack

        kind = 1 if "error" in outcome else 3 if "result" in outcome else 2
        packed = msgpack.packb([COMPLETION, {}, invocation, kind, *outcome.values()])
        size, length = len(packed), bytearray()
        while size > 0x7F:  # before a binary message its length, seven bits a byte, the lowest first
            length.append(size & 0x7F | 0x80)
            size >>= 7
        body = bytes([*length, size]) + packed
    return web.Response(status=status, body=body, content_type=content_type)
