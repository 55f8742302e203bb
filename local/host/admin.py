"""What the host tells of itself below `/admin`, without a key, as Core Tools do.

learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from local.host.indexing import Function

STATUS = {"id": "local", "state": "Running", "version": "4.0.0", "versionDetails": "local", "errors": []}


def application(functions: Sequence[Function], base: str) -> web.Application:
    """The app's functions as they were found, and that the host is up. `base` is the address before every route."""

    def url(function: Function) -> str | None:
        route = (function.trigger.get("route") or function.name).strip("/")
        return f"{base}/{route}" if function.kind == "httpTrigger" else None

    shown = {
        each.name.lower(): {
            "name": each.name,
            "language": "python",
            "href": f"/admin/functions/{each.name}",
            "invoke_url_template": url(each),
            "config": {"bindings": each.bindings},
            "isDisabled": False,
        }
        for each in functions
    }

    async def status(_request: web.Request) -> web.Response:
        return web.json_response(STATUS)

    async def listed(_request: web.Request) -> web.Response:
        return web.json_response(list(shown.values()))

    async def one(request: web.Request) -> web.Response:
        found = shown.get(request.match_info["name"].lower())
        return web.json_response(found) if found else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/host/status", status)
    app.router.add_get("/functions", listed)
    app.router.add_get("/functions/{name}", one)
    return app
