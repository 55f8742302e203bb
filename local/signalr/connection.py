"""One client's connection: handshake, messages in, frames out, pings, and the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from local.signalr import protocol as wire
from local.signalr.protocol import JSON, Message, Protocol, ProtocolError

log = logging.getLogger("local.signalr")
GOODBYE = 2.0  # seconds for the last words to leave


@dataclass(frozen=True)
class Patience:
    """What a client may take. Times are in seconds."""

    handshake: float = 15.0
    ping: float = 10.0  # between signs of life that it gets
    silence: float = 30.0  # between those that it gives
    unread: int = 8 * 1024 * 1024  # bytes that may wait for it


@dataclass(eq=False)
class Connection:
    """One WebSocket. `send` never waits: a client that does not read is dropped, and nobody waits for it."""

    id: str
    hub: str
    user: str | None
    claims: dict[str, Any]
    query: str
    patience: Patience
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    protocol: Protocol = JSON
    groups: set[str] = field(default_factory=set)  # the connection's own; those of its user are elsewhere
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # its events go to the app one after another
    due: float = 0.0  # when the latest push leaves, where pushes are delayed
    _frames: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    _waiting: int = 0  # bytes in the queue
    _buffer: bytearray = field(default_factory=bytearray)

    async def shake_hands(self) -> None:
        """Agree on a protocol and queue the answer: what is sent from now on comes after it. Raises ProtocolError."""
        try:
            async with asyncio.timeout(self.patience.handshake):
                while wire.SEPARATOR not in self._buffer:
                    await self._receive()
        except TimeoutError:
            raise ProtocolError("The handshake took too long.") from None
        self.protocol = wire.handshake(next(JSON.split(self._buffer)))
        self.send(JSON.encode({}))

    async def refuse(self, reason: str) -> None:
        """Answer a handshake that failed, instead of all that was queued."""
        await self._put(JSON.encode({"error": reason}))

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

    def send(self, frame: bytes) -> None:
        """Queue a frame; drop the connection when too much waits for it."""
        self._waiting += len(frame)
        if self._waiting > self.patience.unread:
            log.warning("connection %s does not read; dropped", self.id)
            self.drop()
            return
        self._frames.put_nowait(frame)

    def close(self, error: str | None = None, *, allow_reconnect: bool = False) -> None:
        """Say goodbye and end the connection."""
        self.send(self.protocol.encode(wire.close(error, allow_reconnect)))
        self._frames.put_nowait(None)

    def drop(self) -> None:
        """End the connection without a word, as a broken network does."""
        if self.transport is not None:
            self.transport.abort()
        self._frames.put_nowait(None)

    async def _read(self, received: Callable[[Message], Awaitable[None]]) -> str | None:
        """Read until the client goes (None) or does what ends the connection (a text that says so)."""
        try:
            while True:
                for raw in self.protocol.split(self._buffer):
                    message = self.protocol.parse(raw)
                    if message.type == wire.CLOSE:
                        return None
                    if message.type in (wire.INVOCATION, wire.STREAM_INVOCATION):
                        await asyncio.shield(received(message))  # it was said, even if the client goes meanwhile
                async with asyncio.timeout(self.patience.silence):
                    await self._receive()
        except TimeoutError:
            return f"The client was silent for {self.patience.silence:g} seconds."
        except ProtocolError as error:
            return str(error)
        except ConnectionError:
            return None

    async def _receive(self) -> None:
        message = await self.socket.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            raise ConnectionError("the client is gone")
        self._buffer += message.data.encode() if message.type == WSMsgType.TEXT else message.data

    async def _write(self) -> None:
        """Write what is queued until None or the end of the line, and pings where nothing is."""
        next_ping = time.monotonic() + self.patience.ping
        while True:
            try:
                frame = await asyncio.wait_for(self._frames.get(), max(0.0, next_ping - time.monotonic()))
            except TimeoutError:
                frame = self.protocol.encode({"type": wire.PING})
                self._waiting += len(frame)
            if frame is None:
                return
            try:
                await self._put(frame)
            except ConnectionError:
                return
            self._waiting -= len(frame)
            next_ping = time.monotonic() + self.patience.ping

    async def _put(self, frame: bytes) -> None:
        """Write the bytes as they are: every connection of a protocol gets the same ones."""
        await self.socket.send_frame(frame, WSMsgType.BINARY if self.protocol.binary else WSMsgType.TEXT)
