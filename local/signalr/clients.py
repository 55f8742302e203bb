"""Where clients connect: negotiation, then a WebSocket."""

from __future__ import annotations

import asyncio
import secrets
import time

from aiohttp import web

from local.signalr.connection import Connection
from local.signalr.protocol import ProtocolError
from local.signalr.service import Service
from local.signalr.tokens import Refused, check_client

TOKEN_LIFETIME = 60.0  # seconds in which a negotiated connection must open
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

    def _authenticate(self, request: web.Request) -> tuple[str, str | None, dict[str, object]]:
        hub = request.query.get("hub", "").lower()
        if not hub:
            raise web.HTTPBadRequest(text="The query has no 'hub'.")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.query.get("access_token", "")
        try:
            user, claims = check_client(token, self._service.endpoint, hub)
        except Refused as refused:
            raise web.HTTPUnauthorized(text=str(refused), headers={"WWW-Authenticate": "Bearer"}) from None
        return hub, user, claims

    async def _negotiate(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        connection_id = secrets.token_urlsafe(16)
        if request.query.get("negotiateVersion", "0") == "0":
            self._remember(connection_id, connection_id)
            return web.json_response({"connectionId": connection_id, "availableTransports": WEB_SOCKETS})
        token = secrets.token_urlsafe(16)
        self._remember(token, connection_id)
        return web.json_response(
            {
                "negotiateVersion": 1,
                "connectionId": connection_id,
                "connectionToken": token,
                "availableTransports": WEB_SOCKETS,
            }
        )

    def _remember(self, token: str, connection_id: str) -> None:
        now = time.monotonic()
        self._negotiated = {each: kept for each, kept in self._negotiated.items() if kept[1] > now}
        self._negotiated[token] = (connection_id, now + TOKEN_LIFETIME)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        hub, user, claims = self._authenticate(request)
        connection_id = secrets.token_urlsafe(16)
        if token := request.query.get("id"):
            connection_id, until = self._negotiated.pop(token, ("", 0.0))
            if until < time.monotonic():
                raise web.HTTPNotFound(text="No connection was negotiated under this id.")
        socket = web.WebSocketResponse(max_msg_size=1024 * 1024 + 1024, timeout=2)
        await socket.prepare(request)
        connection = Connection(connection_id, user, claims, request, socket)
        try:
            await connection.shake_hands()
        except ProtocolError as error:
            await connection.refuse(error)
            return socket
        except ConnectionError:
            return socket
        if not await self._service.upstream.connected(hub, connection):
            await connection.refuse(ProtocolError("The connection was refused."))
            return socket
        state = self._service.hubs[hub]
        state.add(connection)
        reason: str | None = None
        try:
            reason = await connection.serve(lambda message: self._service.received(hub, connection, message))
        finally:
            state.remove(connection)
            await connection.finish()
            await asyncio.shield(self._service.upstream.disconnected(hub, connection, reason))
        return socket
