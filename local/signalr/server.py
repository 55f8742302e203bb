"""One port: clients, data plane, and what tests may look at and do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from aiohttp import web

from local.ports import HOST
from local.signalr.clients import Clients
from local.signalr.connection import Patience
from local.signalr.rest import LARGEST, Rest
from local.signalr.service import Service, Switches
from local.signalr.upstream import Upstream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(service: Service) -> web.Application:
    """The whole service."""

    async def say_goodbye(_app: web.Application) -> None:
        service.goodbye()

    async def close(_app: web.Application) -> None:
        await service.close()

    app = web.Application(middlewares=[_cors], client_max_size=LARGEST)
    app.add_routes([*Clients(service).routes(), *Rest(service).routes(), *_local(service)])
    app.on_shutdown.append(say_goodbye)  # while the sockets are still open
    app.on_cleanup.append(close)  # when the last `disconnected` has gone out
    return app


@asynccontextmanager
async def running_service(
    port: int,
    upstream: str,
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> AsyncIterator[Service]:
    """The service on a port of this process, for tests; `upstream` is the template of the app's URL."""
    service = Service(f"http://{HOST}:{port}", Upstream(upstream), patience=patience)
    runner = web.AppRunner(application(service), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield service
    finally:
        await runner.cleanup()


@web.middleware
async def _cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let clients of any origin in: it is echoed, never `*`, because clients send credentials."""
    origin = request.headers.get("Origin")
    if origin is None or not request.path.startswith("/client"):
        return await handler(request)
    headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
    if request.method == "OPTIONS":
        asked = request.headers.get("Access-Control-Request-Headers", "")
        methods = {"Access-Control-Allow-Headers": asked, "Access-Control-Allow-Methods": "GET, POST"}
        return web.Response(headers={**headers, **methods})
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(headers)
        raise
    if not response.prepared:
        response.headers.update(headers)
    return response


def _local(service: Service) -> list[web.RouteDef]:
    """What the real service does not have: `/local/state`, `/local/switches`, `/local/drop`."""

    async def state(_request: web.Request) -> web.Response:
        connections = [
            {"connectionId": each.id, "hub": name, "userId": each.user, "protocol": each.protocol.name}
            for name, hub in service.hubs.items()
            for each in hub.connections.values()
        ]
        events = list(service.upstream.log)
        return web.json_response({"connections": connections, "upstream": events, "switches": asdict(service.switches)})

    async def switch(request: web.Request) -> web.Response:
        """Set all switches; those that are not named are off."""
        try:
            service.switches = Switches(**{name: float(value) for name, value in (await request.json()).items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise web.HTTPBadRequest(text=f"No switches: {error}") from None
        return web.json_response(asdict(service.switches))

    async def drop(request: web.Request) -> web.Response:
        """Cut connections off without a word: all, or those of `hub` and `user`."""
        wanted = request.query
        dropped = [
            connection
            for hub in service.hubs.values()
            for connection in hub.connections.values()
            if wanted.get("hub", connection.hub) == connection.hub
            and wanted.get("user", connection.user) == connection.user
        ]
        for connection in dropped:
            connection.drop()
        return web.json_response({"dropped": len(dropped)})

    return [
        web.get("/local/state", state),
        web.put("/local/switches", switch),
        web.post("/local/drop", drop),
    ]
