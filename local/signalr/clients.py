"""Where clients connect: negotiation, then a WebSocket.

github.com/dotnet/aspnetcore, src/SignalR/docs/specs/TransportProtocols.md.
"""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from local.signalr.connection import Connection
from local.signalr.protocol import ProtocolError
from local.signalr.service import Service
from local.signalr.tokens import Refused, check_client

NEGOTIATION = 60.0  # seconds in which a negotiated connection must open
LARGEST = 1024 * 1024  # bytes of a client's message
WEB_SOCKETS = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]


class Clients:
    """`POST /client/negotiate` and `GET /client/`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._negotiated: dict[str, tuple[str, float]] = {}  # connection token -> connection id, until

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be registered once."""
        return [
            web.post("/client/negotiate", self._negotiate),
            web.get("/client/", self._connect),
            web.get("/client", self._connect),
        ]

    def _authenticate(self, request: web.Request) -> tuple[str, str | None, dict[str, Any]]:
        """The hub, the user and the claims."""
        hub = request.query.get("hub", "").lower()
        if not hub:
            raise web.HTTPBadRequest(text="The query has no 'hub'.")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.query.get("access_token", "")
        try:
            return hub, *check_client(token, self._service.endpoint, hub)
        except Refused as refused:
            raise web.HTTPUnauthorized(text=str(refused), headers={"WWW-Authenticate": "Bearer"}) from None

    async def _negotiate(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        connection_id = token = secrets.token_urlsafe(16)
        answer: dict[str, Any] = {"connectionId": connection_id, "availableTransports": WEB_SOCKETS}
        if request.query.get("negotiateVersion", "0") != "0":
            token = secrets.token_urlsafe(16)
            answer |= {"negotiateVersion": 1, "connectionToken": token}
        now = time.monotonic()
        self._negotiated = {each: kept for each, kept in self._negotiated.items() if kept[1] > now}
        self._negotiated[token] = (connection_id, now + NEGOTIATION)
        return web.json_response(answer)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        hub, user, claims = self._authenticate(request)
        connection_id = secrets.token_urlsafe(16)
        if token := request.query.get("id"):
            connection_id, until = self._negotiated.pop(token, ("", 0.0))
            if until < time.monotonic():
                raise web.HTTPNotFound(text="No connection was negotiated under this id.")
        socket = web.WebSocketResponse(max_msg_size=LARGEST, timeout=2, compress=False)
        await socket.prepare(request)
        parameters = [(name, value) for name, value in request.query.items() if name not in ("access_token", "id")]
        connection = Connection(
            connection_id,
            hub,
            user,
            claims,
            f"?{urlencode(parameters)}",
            socket,
            request.transport,
            self._service.patience,
        )
        try:
            await connection.shake_hands()
            await self._attend(connection)
        except ProtocolError as error:
            await connection.refuse(str(error))
        except ConnectionError:
            pass  # the client went before it was connected
        await connection.finish()
        return socket

    async def _attend(self, connection: Connection) -> None:
        """Be there for a client until it goes. Raises ProtocolError where the app refuses it.

        The app can push to the connection while it hears of it.
        """
        service, hub = self._service, self._service.hub(connection.hub)
        hub.add(connection)
        try:
            if not await service.upstream.connected(connection):
                raise ProtocolError("The connection was refused by the app.")
            fault = await connection.serve(lambda message: service.received(connection, message))
        finally:
            hub.remove(connection)
        await connection.finish()
        await service.upstream.disconnected(connection, fault)
