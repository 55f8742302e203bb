"""One client's connection: handshake, messages in, frames out, pings, and the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

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
    text,
)

log = logging.getLogger("local.signalr")
GOODBYE = 2.0  # seconds for the last words to leave


@dataclass(frozen=True)
class Patience:
    """What a client may take. Times are in seconds."""

    handshake: float = 15.0
    ping: float = 10.0  # between signs of life that it gets
    silence: float = 30.0  # between those that it gives
    unread: int = 8 * 1024 * 1024  # bytes that may wait for it


class Connection:
    """One WebSocket. `send` never waits: a client that does not read is dropped, and nobody waits for it."""

    def __init__(
        self,
        connection_id: str,
        hub: str,
        user: str | None,
        claims: dict[str, Any],
        query: str,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        patience: Patience,
    ) -> None:
        self.id = connection_id
        self.hub = hub
        self.user = user
        self.claims = claims
        self.query = query
        self.protocol: Protocol = JsonProtocol()
        self.turn = asyncio.Lock()  # its events go to the app one after another
        self.due = 0.0  # when the latest push leaves, where pushes are delayed
        self._socket = socket
        self._transport = transport
        self._patience = patience
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting = 0
        self._buffer = bytearray()

    async def shake_hands(self) -> None:
        """Agree on a protocol and queue the answer: what is sent from now on comes after it. Raises ProtocolError."""
        try:
            async with asyncio.timeout(self._patience.handshake):
                while SEPARATOR not in self._buffer:
                    await self._receive()
        except TimeoutError:
            raise ProtocolError("The handshake took too long.") from None
        request, _, rest = bytes(self._buffer).partition(SEPARATOR)
        self._buffer = bytearray(rest)
        self.protocol = handshake(request)
        self.send(text({}))

    async def refuse(self, reason: str) -> None:
        """Answer a handshake that failed, instead of all that was queued."""
        await self._put(text({"error": reason}))

    async def serve(self, received: Callable[[Message], Awaitable[None]]) -> str | None:
        """Exchange messages until either side ends the connection; the client's fault that ended it, if any."""
        writer = asyncio.create_task(self._write())
        reader = asyncio.create_task(self._read(received))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            fault = reader.result() if reader.done() else None
            if fault:
                self.close(fault)
                await asyncio.wait({writer}, timeout=GOODBYE)
            return fault
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)

    async def finish(self) -> None:
        """Close the socket, once nobody can send here any more."""
        await self._socket.close()

    def send(self, frame: bytes) -> None:
        """Queue a frame; drop the connection when too much waits for it."""
        self._waiting += len(frame)
        if self._waiting > self._patience.unread:
            log.warning("connection %s does not read; dropped", self.id)
            self.drop()
            return
        self._frames.put_nowait(frame)

    def close(self, error: str | None = None, *, allow_reconnect: bool = False) -> None:
        """Say goodbye and end the connection."""
        self.send(self.protocol.close(error, allow_reconnect))
        self._frames.put_nowait(None)

    def drop(self) -> None:
        """End the connection without a word, as a broken network does."""
        if self._transport is not None:
            self._transport.abort()
        self._frames.put_nowait(None)

    async def _read(self, received: Callable[[Message], Awaitable[None]]) -> str | None:
        """Read until the client goes (None) or does what ends the connection (a text that says so)."""
        try:
            while True:
                for raw in self.protocol.split(self._buffer):
                    message = self.protocol.parse(raw)
                    if message.type == CLOSE:
                        return None
                    if message.type in (INVOCATION, STREAM_INVOCATION):
                        await asyncio.shield(received(message))  # it was said, even if the client goes meanwhile
                async with asyncio.timeout(self._patience.silence):
                    await self._receive()
        except TimeoutError:
            return f"The client was silent for {self._patience.silence:g} seconds."
        except ProtocolError as error:
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
        next_ping = time.monotonic() + self._patience.ping
        while True:
            try:
                frame = await asyncio.wait_for(self._frames.get(), max(0.0, next_ping - time.monotonic()))
            except TimeoutError:
                frame = self.protocol.ping()
                self._waiting += len(frame)
            if frame is None:
                return
            try:
                await self._put(frame)
            except ConnectionError:
                return
            self._waiting -= len(frame)
            next_ping = time.monotonic() + self._patience.ping

    async def _put(self, frame: bytes) -> None:
        """Write the bytes as they are: every connection of a protocol gets the same ones."""
        await self._socket.send_frame(frame, WSMsgType.BINARY if self.protocol.binary else WSMsgType.TEXT)
