"""`/admin/…`: what the host tells of itself, without a key, as Core Tools do."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from local.host.http import Endpoint
from local.host.indexing import Function
from local.host.table import url


class Admin:
    """Read-only endpoints over the app's functions."""

    def __init__(self, functions: Sequence[Function], origin: str, prefix: str) -> None:
        self._functions = functions
        self._origin = origin
        self._prefix = prefix

    def endpoints(self) -> list[Endpoint]:
        """All of them."""
        return [
            ("GET", "/admin/host/status", self._status),
            ("GET", "/admin/host/ping", self._ping),
            ("GET", "/admin/functions", self._list),
            ("GET", "/admin/functions/{name}", self._one),
        ]

    async def _status(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"id": "local", "state": "Running", "version": "4.0.0", "versionDetails": "local", "errors": []}
        )

    async def _ping(self, _request: web.Request) -> web.StreamResponse:
        return web.Response()

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response([self._described(function) for function in self._functions])

    async def _one(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["name"].lower()
        for function in self._functions:
            if function.name.lower() == wanted:
                return web.json_response(self._described(function))
        return web.Response(status=404)

    def _described(self, function: Function) -> dict[str, object]:
        bindings = [function.trigger, *function.inputs, *function.outputs.values()]
        return {
            "name": function.name,
            "language": "python",
            "href": f"{self._origin}/admin/functions/{function.name}",
            "invoke_url_template": url(function, self._origin, self._prefix),
            "config": {"bindings": [dict(binding) for binding in bindings]},
            "isDisabled": False,
        }
