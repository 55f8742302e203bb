"""One port: clients, the data plane, and what tests may do.

github.com/dotnet/aspnetcore, src/SignalR/docs/specs/TransportProtocols.md.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import asdict
from typing import Any

from aiohttp import web

from local.ports import HOST
from local.signalr import rest
from local.signalr.connection import LARGEST, Connection
from local.signalr.service import SERVICE, Service, Switches
from local.signalr.tokens import check_client

NEGOTIATION = 60.0  # seconds in which a negotiated connection must open
WEB_SOCKETS = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]


async def application(port: int, upstream: str, file: str = ":memory:") -> web.Application:
    """The service, to be run on a port; `upstream` is the app's URL, `file` holds the memberships of users."""
    service = Service(f"http://{HOST}:{port}", upstream, file)
    app = web.Application(client_max_size=LARGEST)
    app[SERVICE] = service
    app.add_routes(
        [
            web.options("/client/negotiate", _fine),
            web.post("/client/negotiate", _negotiate),
            web.get("/client/", _connect),
            web.get("/api/health", _fine),
            web.route("*", "/api/hubs/{hub}{path:.*}", rest.serve),
            web.put("/local/switches", _switch),
            web.post("/local/drop", _drop),
        ]
    )
    app.on_response_prepare.append(_cors)
    app.on_shutdown.append(service.say_goodbye)
    app.cleanup_ctx.append(service.run)
    return app


def _authenticate(request: web.Request) -> dict[str, Any]:
    """The claims of a client."""
    if not request.query.get("hub"):
        raise web.HTTPBadRequest(text="The query has no 'hub'.")
    try:
        return check_client(request, request.app[SERVICE].endpoint)
    except PermissionError as error:
        raise web.HTTPUnauthorized(text=str(error), headers={"WWW-Authenticate": "Bearer"}) from None


async def _negotiate(request: web.Request) -> web.Response:
    """Say how to connect; since version 1 with a token that is not the connection's id."""
    _authenticate(request)
    connection_id = token = secrets.token_urlsafe(16)
    answer: dict[str, Any] = {"connectionId": connection_id, "availableTransports": WEB_SOCKETS}
    if request.query.get("negotiateVersion", "0") != "0":
        token = secrets.token_urlsafe(16)
        answer |= {"negotiateVersion": 1, "connectionToken": token}
    negotiated = request.app[SERVICE].negotiated
    negotiated[token] = connection_id
    asyncio.get_running_loop().call_later(NEGOTIATION, negotiated.pop, token, None)
    return web.json_response(answer)


async def _connect(request: web.Request) -> web.StreamResponse:
    """Serve a WebSocket. What was negotiated is for one use; who skips that has no `id`."""
    claims, service, token = _authenticate(request), request.app[SERVICE], request.query.get("id")
    connection_id = service.negotiated.pop(token, None) if token else secrets.token_urlsafe(16)
    if connection_id is None:
        raise web.HTTPNotFound(text="No connection was negotiated under this id.")
    return await Connection(service, request, connection_id, claims).serve(request)


async def _fine(_request: web.Request) -> web.Response:
    return web.Response()


async def _cors(request: web.Request, response: web.StreamResponse) -> None:
    """Let clients of any origin in: it is echoed, never `*`, because clients send credentials."""
    if (origin := request.headers.get("Origin")) and request.path.startswith("/client"):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
        response.headers["Vary"] = "Origin"


async def _switch(request: web.Request) -> web.Response:
    """Set all switches; those that are not named are as in Azure."""
    try:
        asked = {name: float(value) for name, value in (await request.json()).items()}
        switches = request.app[SERVICE].switches = Switches(**asked)
    except (TypeError, ValueError, AttributeError) as error:
        raise web.HTTPBadRequest(text=f"No switches: {error}") from None
    return web.json_response(asdict(switches))


async def _drop(request: web.Request) -> web.Response:
    """Cut connections off without a word: all, or those of `hub` and `user`."""
    asked, connections = dict(request.query).items(), request.app[SERVICE].connections.values()
    dropped = [each for each in connections if asked <= {"hub": each.hub, "user": each.user}.items()]
    for connection in dropped:
        connection.transport.abort()
    return web.json_response({"dropped": len(dropped)})
