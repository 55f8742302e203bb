"""What the host tells of itself: the table at its start, and `/admin/…`, without a key, as Core Tools do.

learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from local.host.http import Endpoint
from local.host.indexing import Function

STATUS = {"id": "local", "state": "Running", "version": "4.0.0", "versionDetails": "local", "errors": []}


class Admin:
    """Knows the app's functions, and how to run those that wait for no request."""

    def __init__(
        self,
        functions: Sequence[Function],
        base: str,
        by_hand: Mapping[str, Callable[[], Awaitable[object]]],
    ) -> None:
        """`base` is the address before every route; `by_hand` runs a function by its name."""
        self._functions = {function.name.lower(): function for function in functions}
        self._base = base
        self._by_hand = by_hand

    def endpoints(self) -> list[Endpoint]:
        """All of them."""
        return [
            ("GET", "/admin/host/status", self._status),
            ("GET", "/admin/host/ping", self._ping),
            ("GET", "/admin/functions", self._list),
            ("GET", "/admin/functions/{name}", self._one),
            ("POST", "/admin/functions/{name}", self._run),
        ]

    def table(self) -> list[str]:
        """The functions with their triggers and URLs, a line each, as Core Tools print them."""
        lines = ["Functions:"]
        for function in self._functions.values():
            trigger, address = function.trigger, self._url(function)
            methods = ",".join(method.upper() for method in trigger.get("methods") or ()) or "any"
            names = ("queueName", "topicName", "subscriptionName", "schedule", "event")
            told = " ".join([function.kind, *(str(trigger[name]) for name in names if trigger.get(name))])
            lines.append(f"  {function.name}: " + (f"[{methods}] {address}" if address else told))
        return lines

    def _url(self, function: Function) -> str | None:
        route = (function.trigger.get("route") or function.name).strip("/")
        return f"{self._base}/{route}" if function.kind == "httpTrigger" else None

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response(STATUS)

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response([self._shown(function) for function in self._functions.values()])

    async def _one(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        return web.json_response(self._shown(function)) if function else web.Response(status=404)

    async def _run(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        if function.name not in self._by_hand:
            return web.Response(status=501, text=f"The local host does not run a {function.kind} by hand.")
        await self._by_hand[function.name]()
        return web.Response(status=202)

    def _shown(self, function: Function) -> dict[str, object]:
        bindings = [function.trigger, *function.inputs, *function.outputs.values()]
        return {
            "name": function.name,
            "language": "python",
            "href": f"/admin/functions/{function.name}",
            "invoke_url_template": self._url(function),
            "config": {"bindings": [dict(binding) for binding in bindings]},
            "isDisabled": False,
        }
