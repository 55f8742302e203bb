"""One client, from its handshake to its end: the app hears what it does, and it hears what the app pushes.

learn.microsoft.com/azure/azure-signalr/concept-upstream. There is one rule, for every hub, category and event.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import web

from local.signalr import protocol as wire
from local.signalr.protocol import JSON, ProtocolError
from local.signalr.tokens import KEYS, USER_CLAIMS

if TYPE_CHECKING:
    from local.signalr.service import Service

log = logging.getLogger("local.signalr")
LARGEST = 1024 * 1024  # bytes of a message
TIMEOUT = aiohttp.ClientTimeout(total=30)
NOBODY = 404  # what an app that is not there counts as: no rule that matches


class Connection:
    """One WebSocket. `send` never waits: a client that does not read is dropped, and nobody waits for it."""

    def __init__(self, service: "Service", request: web.Request, id_: str, claims: dict[str, Any]) -> None:
        self.id, self.hub = id_, request.query["hub"].lower()
        self.user = next((str(claims[name]) for name in USER_CLAIMS if claims.get(name)), None)
        self.protocol = JSON
        self.groups: set[str] = set()  # its own; those of its user are the service's
        self.due = 0.0  # when the latest push leaves, where pushes are delayed
        self.transport = cast("asyncio.Transport", request.transport)
        self._service = service
        self._socket = web.WebSocketResponse(max_msg_size=LARGEST, timeout=2, compress=False, decode_text=False)
        self._end: asyncio.Task[bool] | None = None
        query = [(name, value) for name, value in request.query.items() if name not in ("access_token", "id")]
        digests = (hmac.new(key.encode(), id_.encode(), hashlib.sha256).hexdigest() for key in KEYS)
        self._introduction = {
            "X-ASRS-Connection-Id": id_,
            "X-ASRS-Hub": self.hub,
            "X-ASRS-Signature": ",".join(f"sha256={digest}" for digest in digests),
            "X-ASRS-Client-Query": f"?{urlencode(query)}",
            "X-ASRS-User-Claims": ", ".join(f"{name}: {value}" for name, value in claims.items()),
        } | ({"X-ASRS-User-Id": self.user} if self.user else {})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Be there for the client until it goes, one thing after another."""
        await self._socket.prepare(request)
        try:
            self.protocol = wire.handshake((await self._socket.receive(self._service.switches.handshake)).data)
        except (ProtocolError, TimeoutError) as error:
            self.send(JSON.encode(({"error": str(error) or "The handshake took too long."}, [])))
        else:
            await self._attend()
        await (self._end or self._socket.close())
        return self._socket

    async def _attend(self) -> None:
        """Tell the app who is there, what is called, and who is gone; it can push from the first of these on.

        Only an answer refuses, and only a 4xx other than 404: an app that is not there, has no function for the event
        or breaks on it keeps nobody out.
        """
        goodbye: dict[str, Any] = {"type": 11}
        self._service.connections[self.id] = self
        self.send(b"{}" + wire.SEPARATOR)
        try:
            status, _ = await self._tell("connections", "connected", b'{"type":10}')
            if 400 <= status < 500 and status != NOBODY:
                self.close("The connection was refused by the app.")
                return
            while isinstance(frame := (await self._socket.receive(self._service.switches.silence)).data, bytes):
                for call in self.protocol.decode(frame):
                    await self._called(*call)
        except (ProtocolError, TimeoutError) as error:
            goodbye["error"] = str(error) or "The client was silent for too long."
            self.close(goodbye["error"])
        finally:
            del self._service.connections[self.id]
        await self._tell("connections", "disconnected", json.dumps(goodbye).encode())

    async def _called(self, kind: int, invocation_id: str | None, target: str, raw: bytes) -> None:
        """A call goes to the app; what comes back, or that it failed, goes to a client that waits for it."""
        error, answer = "Client streaming is not supported in serverless mode.", b""
        if kind == wire.INVOCATION:
            status, answer = await self._tell("messages", target, raw, self.protocol.content_type)
            error = "" if status in (200, 204) else f"Invocation failed, status code {status}"
        if invocation_id:
            done = self.protocol.encode(wire.completion(invocation_id, error))
            self.send(answer if answer and not error else done)

    async def _tell(self, category: str, event: str, body: bytes, media: str = "application/json") -> tuple[int, bytes]:
        """Post an event to the app; the status and the body of its answer."""
        url = self._service.upstream.format(hub=self.hub, category=category, event=quote(event, safe=""))
        headers = {"X-ASRS-Category": category, "X-ASRS-Event": event, "Content-Type": media, **self._introduction}
        try:
            async with self._service.http.post(url, data=body, headers=headers, timeout=TIMEOUT) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # ValueError: a header with a line break
            log.info("upstream %s/%s: %s", category, event, type(error).__name__)
            return NOBODY, b""

    def send(self, frame: bytes) -> None:
        """Write the bytes as they are: every connection of a protocol gets the same ones."""
        if self.transport.get_write_buffer_size() > self._service.switches.unread:
            log.warning("connection %s does not read; dropped", self.id)
            self.transport.abort()
        # Now, in this order; only a write that must wait for the client goes on by itself.
        asyncio.Task(self._write(frame), loop=asyncio.get_running_loop(), eager_start=True)

    async def _write(self, frame: bytes) -> None:
        with suppress(ConnectionError):
            await self._socket.send_frame(frame, self.protocol.frames)

    def close(self, error: str | None = None, *, allow_reconnect: bool = False) -> None:
        """Say goodbye and end the connection."""
        self.send(self.protocol.encode(wire.close(error, allow_reconnect)))
        self._end = self._end or asyncio.create_task(self._socket.close())
