"""One port: clients, data plane, and what tests may do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict

import aiohttp
from aiohttp import web

from local.ports import HOST
from local.signalr.clients import Clients
from local.signalr.connection import Patience
from local.signalr.hub import open_database
from local.signalr.rest import LARGEST, Rest
from local.signalr.service import Service, Switches
from local.signalr.upstream import Upstream


@asynccontextmanager
async def running_service(
    port: int, upstream: str, patience: Patience | None = None, file: str = ":memory:"
) -> AsyncIterator[Service]:
    """The service on a port; `upstream` is the template of the app's URL, `file` holds the memberships of users."""
    async with aiohttp.ClientSession() as http:
        with closing(open_database(file)) as database:
            service = Service(f"http://{HOST}:{port}", Upstream(upstream, http), database, patience or Patience())
            app = web.Application(client_max_size=LARGEST)
            app.add_routes([*Clients(service).routes(), *Rest(service).routes(), *_local(service)])
            app.add_routes([web.options("/client/negotiate", _preflight)])
            app.on_response_prepare.append(_cors)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
            await runner.setup()
            try:
                await web.TCPSite(runner, HOST, port).start()
                yield service
            finally:
                for connection in service.connections():
                    connection.close(allow_reconnect=True)
                await runner.cleanup()


async def _cors(request: web.Request, response: web.StreamResponse) -> None:
    """Let clients of any origin in: it is echoed, never `*`, because clients send credentials."""
    if (origin := request.headers.get("Origin")) and request.path.startswith("/client"):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Vary"] = "Origin"


async def _preflight(request: web.Request) -> web.Response:
    asked = request.headers.get("Access-Control-Request-Headers", "")
    return web.Response(headers={"Access-Control-Allow-Headers": asked, "Access-Control-Allow-Methods": "POST"})


def _local(service: Service) -> list[web.RouteDef]:
    """What the real service does not have: `/local/switches` and `/local/drop`."""

    async def switch(request: web.Request) -> web.Response:
        """Set all switches; those that are not named are off."""
        try:
            service.switches = Switches(**{name: float(value) for name, value in (await request.json()).items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise web.HTTPBadRequest(text=f"No switches: {error}") from None
        return web.json_response(asdict(service.switches))

    async def drop(request: web.Request) -> web.Response:
        """Cut connections off without a word: all, or those of `hub` and `user`."""
        hub, user = request.query.get("hub"), request.query.get("user")
        dropped = [each for each in service.connections() if hub in (None, each.hub) and user in (None, each.user)]
        for connection in dropped:
            connection.drop()
        return web.json_response({"dropped": len(dropped)})

    return [web.put("/local/switches", switch), web.post("/local/drop", drop)]
