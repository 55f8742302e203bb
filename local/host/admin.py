"""What the host tells of itself: the table at its start, and `/admin/…`, without a key, as Core Tools do.

learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from local.host.indexing import Function

STATUS = {"id": "local", "state": "Running", "version": "4.0.0", "versionDetails": "local", "errors": []}
NAMES = ("type", "queueName", "topicName", "subscriptionName", "schedule", "event")  # what a trigger listens to


def table(functions: Sequence[Function], base: str) -> list[str]:
    """The functions with their triggers and URLs, a line each. `base` is the address before every route."""
    lines = ["Functions:"]
    for function in functions:
        methods = ",".join(method.upper() for method in function.trigger.get("methods") or ()) or "any"
        names = [str(function.trigger[name]) for name in NAMES if function.trigger.get(name)]
        address = url(function, base)
        lines.append(f"  {function.name}: " + (f"[{methods}] {address}" if address else " ".join(names)))
    return lines


def url(function: Function, base: str) -> str | None:
    """Where an HTTP function answers; None for the others."""
    route = (function.trigger.get("route") or function.name).strip("/")
    return f"{base}/{route}" if function.kind == "httpTrigger" else None


def endpoints(functions: Sequence[Function], base: str) -> list[web.RouteDef]:
    """The app's functions as they were found, and that the host is up."""
    shown = {
        function.name.lower(): {
            "name": function.name,
            "language": "python",
            "href": f"/admin/functions/{function.name}",
            "invoke_url_template": url(function, base),
            "config": {"bindings": function.bindings},
            "isDisabled": False,
        }
        for function in functions
    }

    async def status(_request: web.Request) -> web.Response:
        return web.json_response(STATUS)

    async def ping(_request: web.Request) -> web.Response:
        return web.Response()

    async def listed(_request: web.Request) -> web.Response:
        return web.json_response(list(shown.values()))

    async def one(request: web.Request) -> web.Response:
        found = shown.get(request.match_info["name"].lower())
        return web.json_response(found) if found else web.Response(status=404)

    return [
        web.get("/host/status", status),
        web.get("/host/ping", ping),
        web.get("/functions", listed),
        web.get("/functions/{name}", one),
    ]
