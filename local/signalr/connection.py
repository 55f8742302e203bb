"""One client's connection: handshake, messages in, frames out, pings, and the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import WSMsgType, web

from local.signalr.protocol import (
    CLOSE,
    INVOCATION,
    SEPARATOR,
    STREAM_INVOCATION,
    JsonProtocol,
    Message,
    Protocol,
    ProtocolError,
    handshake,
)

log = logging.getLogger("signalr")
HANDSHAKE_LIMIT = 15.0  # seconds
PING_EVERY = 10.0
SILENCE_LIMIT = 30.0
SLOW_READER = 8 * 1024 * 1024  # bytes that may wait for a client before it is dropped


class Connection:
    """One WebSocket. `send` never waits: a client that does not read is dropped, and nobody waits for it."""

    def __init__(
        self,
        connection_id: str,
        user: str | None,
        claims: dict[str, Any],
        request: web.Request,
        socket: web.WebSocketResponse,
    ) -> None:
        self.id = connection_id
        self.user = user
        self.claims = claims
        pairs = [pair for pair in parse_qsl(request.query_string) if pair[0] not in ("access_token", "id")]
        self.query = f"?{urlencode(pairs)}"
        self.protocol: Protocol = JsonProtocol()
        self.waiting = 0
        self._socket = socket
        self._transport = request.transport
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._buffer = bytearray()
        self._ended = asyncio.Event()
        self._dropped = False

    async def shake_hands(self) -> None:
        """Agree on a protocol. The answer waits until `accept`, so that no push can be lost after it. Raises
        ProtocolError."""
        try:
            async with asyncio.timeout(HANDSHAKE_LIMIT):
                while SEPARATOR not in self._buffer:
                    await self._receive()
        except TimeoutError:
            raise ProtocolError("The handshake took longer than 15 seconds.") from None
        request, _, rest = bytes(self._buffer).partition(SEPARATOR)
        self._buffer = bytearray(rest)
        self.protocol = handshake(request)

    async def refuse(self, error: ProtocolError) -> None:
        """Answer a handshake that failed."""
        await self._socket.send_str(f'{{"error":"{error}"}}\x1e')
        await self._socket.close()

    async def serve(self, received: Callable[[Message], Awaitable[None]]) -> str | None:
        """Accept the handshake and exchange messages until the connection ends; the error that ended it, if any."""
        self._frames.put_nowait(b"{}" + SEPARATOR)
        writer = asyncio.create_task(self._write())
        reader = asyncio.create_task(self._read(received))
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({reader, writer, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() and not writer.done() and not self._dropped:
                await asyncio.wait({writer}, timeout=2)  # let the goodbye out
            return reader.result() if reader.done() and not reader.cancelled() else None
        finally:
            for task in (reader, writer, ended):
                task.cancel()
            await asyncio.gather(reader, writer, ended, return_exceptions=True)

    async def finish(self) -> None:
        """Close the socket, once nobody can send here any more."""
        if not self._dropped:
            await self._socket.close()

    def send(self, frame: bytes) -> None:
        """Queue a frame; drop the connection when too much waits for it."""
        self.waiting += len(frame)
        if self.waiting > SLOW_READER:
            log.warning("connection %s does not read; dropped", self.id)
            self.drop()
            return
        self._frames.put_nowait(frame)

    def close(self, error: str | None = None, *, allow_reconnect: bool = False) -> None:
        """Say goodbye and end the connection."""
        self.send(self.protocol.close(error, allow_reconnect))
        self._frames.put_nowait(None)
        self._ended.set()

    def drop(self) -> None:
        """End the connection without a word, as a broken network does."""
        self._dropped = True
        if self._transport is not None:
            self._transport.abort()
        self._ended.set()

    async def _read(self, received: Callable[[Message], Awaitable[None]]) -> str | None:
        try:
            while True:
                for raw in self.protocol.split(self._buffer):
                    message = self.protocol.parse(raw)
                    if message.type == CLOSE:
                        return None
                    if message.type in (INVOCATION, STREAM_INVOCATION):
                        await received(message)
                async with asyncio.timeout(SILENCE_LIMIT):
                    await self._receive()
        except TimeoutError:
            self.close("The client was silent for 30 seconds.")
            return "timeout"
        except ProtocolError as error:
            self.close(str(error))
            return str(error)
        except ConnectionError:
            return None

    async def _receive(self) -> None:
        message = await self._socket.receive()
        if message.type == WSMsgType.TEXT:
            self._buffer += message.data.encode()
        elif message.type == WSMsgType.BINARY:
            self._buffer += message.data
        else:
            raise ConnectionError("the client is gone")

    async def _write(self) -> None:
        next_ping = time.monotonic() + PING_EVERY
        while True:
            try:
                frame = await asyncio.wait_for(self._frames.get(), max(0.0, next_ping - time.monotonic()))
            except TimeoutError:
                frame = self.protocol.ping()
                self.waiting += len(frame)
            next_ping = time.monotonic() + PING_EVERY
            if frame is None:
                return
            try:
                if self.protocol.binary and frame != b"{}" + SEPARATOR:
                    await self._socket.send_bytes(frame)
                else:
                    await self._socket.send_str(frame.decode())
            except ConnectionError:
                return
            self.waiting -= len(frame)
