"""`python -m local.signalr`: one port for clients, the data plane, and what tests may do."""

import asyncio
import resource
import secrets
from typing import Any

import msgspec
from aiohttp import web

from local.paths import state_dir
from local.ports import HOST, Ports
from local.process import serve
from local.signalr import rest
from local.signalr.connection import LARGEST, Connection
from local.signalr.service import SERVICE, Service, Switches
from local.signalr.tokens import Failure, check

OPEN_FILES = 10_240  # one a client; systems start with 256 or 1,024
NEGOTIATION = 60.0  # seconds in which a negotiated connection must open
WEB_SOCKETS = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]
routes = web.RouteTableDef()


async def application(port: int, upstream: str, file: str = ":memory:") -> web.Application:
    """The service, to be run on a port; `upstream` is the app's URL, `file` holds the memberships of users."""
    service = Service(f"http://{HOST}:{port}", upstream, file)
    app = web.Application(client_max_size=LARGEST)
    app[SERVICE] = service
    app.add_routes([*routes, web.route("*", "/api/hubs/{hub}{path:.*}", rest.serve)])
    app.on_response_prepare.append(_cors)
    app.on_shutdown.append(service.say_goodbye)
    app.cleanup_ctx.append(service.run)
    return app


@routes.get("/api/health")
@routes.options("/client/negotiate")
async def _fine(_request: web.Request) -> web.Response:
    return web.Response()


@routes.post("/client/negotiate")
async def _negotiate(request: web.Request) -> web.Response:
    """Say how to connect (aspnetcore, TransportProtocols.md); since version 1 the token is not the connection's id."""
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


@routes.get("/client/")
async def _connect(request: web.Request) -> web.StreamResponse:
    """Serve a WebSocket. What was negotiated is for one use; who skips that has no `id`."""
    claims, service, token = _authenticate(request), request.app[SERVICE], request.query.get("id")
    connection_id = service.negotiated.pop(token, None) if token else secrets.token_urlsafe(16)
    if connection_id is None:
        raise Failure(404, "Error.Connection.NotExisted", "No connection was negotiated under this id.")
    return await Connection(service, request, connection_id, claims).serve(request)


def _authenticate(request: web.Request) -> dict[str, Any]:
    """The claims of a client."""
    if not (hub := request.query.get("hub")):
        raise Failure(400, "Error.Hub.Invalid", "The query has no 'hub'.")
    return check(request, request.app[SERVICE].endpoint, f"/client/?hub={hub}", f"/client/?hub={hub.lower()}")


async def _cors(request: web.Request, response: web.StreamResponse) -> None:
    """Let clients of any origin in: it is echoed, never `*`, because clients send credentials."""
    if (origin := request.headers.get("Origin")) and request.path.startswith("/client"):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
        response.headers["Vary"] = "Origin"


@routes.put("/local/switches")
async def _switch(request: web.Request) -> web.Response:
    """Set all switches; those that are not named are as in Azure."""
    try:
        request.app[SERVICE].switches = msgspec.json.decode(await request.read(), type=Switches)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"No switches: {error}") from None
    return web.json_response(msgspec.to_builtins(request.app[SERVICE].switches))


@routes.post("/local/drop")
async def _drop(request: web.Request) -> web.Response:
    """Cut connections off without a word: all, or those of `hub` and `user`."""
    asked, connections = dict(request.query).items(), request.app[SERVICE].connections.values()
    dropped = [each for each in connections if asked <= {"hub": each.hub, "user": each.user}.items()]
    for connection in dropped:
        connection.transport.abort()
    return web.json_response({"dropped": len(dropped)})


def run(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < OPEN_FILES:  # below 0: no limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(hard, OPEN_FILES), hard))
    upstream = f"http://{HOST}:{Ports.from_environment().host}/runtime/webhooks/signalr"
    app = application(port, upstream, str(state_dir() / "signalr.sqlite3"))
    web.run_app(app, host=HOST, port=port, print=None, access_log=None, shutdown_timeout=2)


if __name__ == "__main__":
    serve("signalr", run)
