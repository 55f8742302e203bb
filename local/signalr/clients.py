"""Where clients connect: negotiation, then a WebSocket, and events for the app.

github.com/dotnet/aspnetcore, src/SignalR/docs/specs/TransportProtocols.md.
"""

from __future__ import annotations

import json
import secrets
import time
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from local.signalr.connection import Connection
from local.signalr.protocol import INVOCATION, Message, ProtocolError, completion
from local.signalr.service import Service
from local.signalr.tokens import check_client
from local.signalr.upstream import NOBODY

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
        sockets = [web.get(path, self._connect) for path in ("/client", "/client/")]
        return [web.post("/client/negotiate", self._negotiate), *sockets]

    def _authenticate(self, request: web.Request) -> tuple[str, str | None, dict[str, Any]]:
        """The hub, the user and the claims."""
        hub = request.query.get("hub", "").lower()
        if not hub:
            raise web.HTTPBadRequest(text="The query has no 'hub'.")
        return hub, *check_client(request, self._service.endpoint, hub)

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
        query = urlencode(
            [(name, value) for name, value in request.query.items() if name not in ("access_token", "id")]
        )
        patience = self._service.patience
        connection = Connection(connection_id, hub, user, claims, f"?{query}", patience, socket, request.transport)
        try:
            await connection.shake_hands()
            await self._attend(connection)
        except ProtocolError as error:
            await connection.refuse(str(error))
        except ConnectionError:
            pass  # the client went before it was connected
        await socket.close()
        return socket

    async def _attend(self, connection: Connection) -> None:
        """Be there for a client until it goes. Raises ProtocolError where the app refuses it.

        The app can push to the connection while it hears of it. Only an answer refuses, and only a 4xx other than 404:
        an app that is not there, has no function for the event or breaks on it keeps nobody out.
        """
        tell, connections = self._service.upstream.post, self._service.hub(connection.hub).connections
        connections[connection.id] = connection
        try:
            status, _ = await tell(connection, "connections", "connected", b'{"type":10}')
            if 400 <= status < 500 and status != NOBODY:
                raise ProtocolError("The connection was refused by the app.")
            fault = await connection.serve(partial(self._received, connection))
        finally:
            del connections[connection.id]
        await connection.socket.close()
        body = json.dumps({"type": 11} | ({"error": fault} if fault else {})).encode()
        await tell(connection, "connections", "disconnected", body)

    async def _received(self, connection: Connection, message: Message) -> None:
        """A message goes upstream; what comes back, or that it failed, goes to a client that waits for it."""
        protocol = connection.protocol
        error, answer = "Client streaming is not supported in serverless mode.", b""
        if message.type == INVOCATION:
            status, answer = await self._service.upstream.post(
                connection, "messages", message.target, message.raw, protocol.content_type
            )
            error = "" if status in (200, 204) else f"Invocation failed, status code {status}"
        if message.invocation_id:
            done = protocol.encode(completion(message.invocation_id, error))
            connection.send(answer if answer and not error else done)
