"""One port: clients, data plane, and the switches for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial

from aiohttp import web

from local.ports import HOST
from local.signalr.clients import Clients
from local.signalr.rest import LARGEST, Rest
from local.signalr.service import Service
from local.signalr.upstream import Upstream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(service: Service) -> web.Application:
    """The whole service."""
    app = web.Application(middlewares=[_cors], client_max_size=LARGEST)
    app.add_routes([*Clients(service).routes(), *Rest(service).routes()])
    app.router.add_get("/local/state", partial(_state, service))
    app.router.add_put("/local/switches", partial(_switch, service))
    app.router.add_post("/local/drop", partial(_drop, service))

    async def say_goodbye(_app: web.Application) -> None:
        service.goodbye()

    async def clean_up(_app: web.Application) -> None:
        await service.upstream.close()

    app.on_shutdown.append(say_goodbye)  # while the sockets are still open
    app.on_cleanup.append(clean_up)  # when the last `disconnected` has gone out
    return app


@asynccontextmanager
async def running_service(port: int, upstream: str) -> AsyncIterator[Service]:
    """The service on a port of this process, for tests; `upstream` is the template of the app's URL."""
    service = Service(f"http://{HOST}:{port}", Upstream(upstream))
    runner = web.AppRunner(application(service), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield service
    finally:
        await runner.cleanup()


@web.middleware
async def _cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Browsers on any origin: echoed, never `*`, because clients send credentials."""
    origin = request.headers.get("Origin")
    if origin is None:
        return await handler(request)
    headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
    if request.method == "OPTIONS":
        asked = request.headers.get("Access-Control-Request-Headers", "")
        methods = {"Access-Control-Allow-Headers": asked, "Access-Control-Allow-Methods": "GET, POST, OPTIONS"}
        return web.Response(headers={**headers, **methods})
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(headers)
        raise
    if not response.prepared:
        response.headers.update(headers)
    return response


async def _state(service: Service, _request: web.Request) -> web.Response:
    hubs = {
        name: [
            {"connectionId": each.id, "userId": each.user, "protocol": each.protocol.name}
            for each in hub.connections.values()
        ]
        for name, hub in service.hubs.items()
    }
    return web.json_response(
        {"connections": hubs, "switches": asdict(service.switches), "upstream": list(service.upstream.log)}
    )


async def _switch(service: Service, request: web.Request) -> web.Response:
    try:
        service.switches = replace(service.switches, **await request.json())
    except TypeError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    return web.json_response(asdict(service.switches))


async def _drop(service: Service, request: web.Request) -> web.Response:
    """Cut connections off without a word: all, or one user's."""
    user = request.query.get("user")
    dropped = 0
    for hub in service.hubs.values():
        for connection in list(hub.connections.values()):
            if user is None or connection.user == user:
                connection.drop()
                dropped += 1
    return web.json_response({"dropped": dropped})
