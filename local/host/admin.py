"""What the host tells of itself: the table at its start, and `/admin/…`, without a key, as Core Tools do.

learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from local.host.http import Endpoint
from local.host.indexing import Function

STATUS = {"id": "local", "state": "Running", "version": "4.0.0", "versionDetails": "local", "errors": []}
NAMES = ("queueName", "topicName", "subscriptionName", "schedule", "event")  # what a trigger listens to


def table(functions: Sequence[Function], base: str) -> list[str]:
    """The functions with their triggers and URLs, a line each. `base` is the address before every route."""
    lines = ["Functions:"]
    for function in functions:
        methods = ",".join(method.upper() for method in function.trigger.get("methods") or ()) or "any"
        names = [str(function.trigger[name]) for name in ("type", *NAMES) if function.trigger.get(name)]
        address = url(function, base)
        lines.append(f"  {function.name}: " + (f"[{methods}] {address}" if address else " ".join(names)))
    return lines


def url(function: Function, base: str) -> str | None:
    """Where an HTTP function answers; None for the others."""
    route = (function.trigger.get("route") or function.name).strip("/")
    return f"{base}/{route}" if function.kind == "httpTrigger" else None


def endpoints(
    functions: Sequence[Function], base: str, by_hand: Mapping[str, Callable[[], Awaitable[None]]]
) -> list[Endpoint]:
    """`by_hand` runs a function by its name."""

    def shown(function: Function) -> dict[str, object]:
        bindings = [function.trigger, *function.inputs, *function.outputs.values()]
        return {
            "name": function.name,
            "language": "python",
            "href": f"/admin/functions/{function.name}",
            "invoke_url_template": url(function, base),
            "config": {"bindings": [dict(binding) for binding in bindings]},
            "isDisabled": False,
        }

    def wanted(request: web.Request) -> Function:
        name = request.match_info["name"].lower()
        for function in functions:
            if function.name.lower() == name:
                return function
        raise web.HTTPNotFound(text="")

    async def status(_request: web.Request) -> web.Response:
        return web.json_response(STATUS)

    async def ping(_request: web.Request) -> web.Response:
        return web.Response()

    async def listed(_request: web.Request) -> web.Response:
        return web.json_response([shown(function) for function in functions])

    async def one(request: web.Request) -> web.Response:
        return web.json_response(shown(wanted(request)))

    async def run(request: web.Request) -> web.Response:
        function = wanted(request)
        if function.name not in by_hand:
            return web.Response(status=501, text=f"The local host does not run a {function.kind} by hand.")
        await by_hand[function.name]()
        return web.Response(status=202)

    return [
        ("GET", "/admin/host/status", status),
        ("GET", "/admin/host/ping", ping),
        ("GET", "/admin/functions", listed),
        ("GET", "/admin/functions/{name}", one),
        ("POST", "/admin/functions/{name}", run),
    ]
