"""One TCP connection: protocol headers, SASL, frames in and out, heartbeat (specification, 2.2 to 2.4 and 5.3)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from local.servicebus.amqp.performatives import (
    Begin,
    Close,
    End,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    amqp_error,
    decode_performative,
    encode_frame,
)
from local.servicebus.amqp.values import SYMBOL_ARRAY, Array, DecodeError, Symbol
from local.servicebus.broker.refused import DECODE_ERROR
from local.servicebus.protocol.session import ProtocolSession
from local.servicebus.protocol.tokens import Grants

if TYPE_CHECKING:
    from local.servicebus.server import Server

SASL_HEADER, AMQP_HEADER = b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00"
HEARTBEAT = b"\x00\x00\x00\x08\x02\x00\x00\x00"
MAX_FRAME_SIZE = 65_536
CHANNEL_MAX = 4_999
IDLE_TIME_OUT = 240_000  # ms; announced, not enforced: idle clients of pyamqp are silent for minutes
log = logging.getLogger("servicebus.connection")


class Connection(asyncio.Protocol):
    """Reads frames and gives them to sessions. What it writes leaves at the end of the server's turn."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.grants = Grants()
        self.max_frame_size = MAX_FRAME_SIZE
        self.sessions: dict[int, ProtocolSession] = {}
        self._transport: asyncio.Transport | None = None
        self._input = b""
        self._output: list[bytes] = []
        self._expects = SASL_HEADER
        self._closing = False
        self._heartbeat: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=4 << 20)
        self._transport = transport
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and with it its sessions."""
        self.server.connections.discard(self)
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._drop_sessions()
        self.server.schedule_turn()

    def pause_writing(self) -> None:
        """The client does not read: hear no more of it until it does."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Bytes in whatever pieces TCP made of them."""
        self._input += data
        try:
            while not self._closing and self._step():
                pass
        except DecodeError as error:
            self.close(DECODE_ERROR, str(error))
        self.server.schedule_turn()

    # Reading

    def _step(self) -> bool:
        """Take one header or frame from the input. False when there is no whole one."""
        if self._expects:
            return self._header()
        if len(self._input) < 8:
            return False
        size, offset = int.from_bytes(self._input[:4]), self._input[4] * 4
        if not 8 <= offset <= size <= MAX_FRAME_SIZE:
            raise DecodeError(f"a frame of {size} bytes whose body starts at byte {offset}")
        if len(self._input) < size:
            return False
        kind, channel = self._input[5], int.from_bytes(self._input[6:8])
        body, self._input = self._input[offset:size], self._input[size:]
        if body:
            performative, payload = decode_performative(body)
            self.server.trace(self, "<-", channel, performative, len(payload))
            if isinstance(performative, SaslInit) != (kind == 1):
                raise DecodeError("an AMQP performative in a SASL frame, or the other way round")
            self._dispatch(channel, performative, payload)
        return True

    def _header(self) -> bool:
        start = self._input[: len(self._expects)]
        if len(start) < 8 and self._expects.startswith(start):
            return False
        if start != self._expects:
            self._refuse_protocol(start)
            return False
        self._input = self._input[8:]
        self._write(self._expects)
        if self._expects == SASL_HEADER:
            self.send(0, SaslMechanisms(Array(SYMBOL_ARRAY, [Symbol("ANONYMOUS")])))
        self._expects = b""
        return True

    def _refuse_protocol(self, start: bytes) -> None:
        spoken = "something else than AMQP 1.0 with SASL"
        if start[:1] == b"\x16" or start.startswith(b"AMQP\x02"):
            spoken = "TLS"
        elif start.startswith(b"GET "):
            spoken = "WebSocket"
        log.warning("a client speaks %s; put UseDevelopmentEmulator=true in its connection string, use TCP", spoken)
        self._write(SASL_HEADER)
        self._closing = True

    def _dispatch(self, channel: int, performative: Performative, payload: bytes) -> None:
        match performative:
            case SaslInit():
                self.send(0, SaslOutcome(0))
                self._expects = AMQP_HEADER
            case Open():
                self._open(performative)
            case Begin():
                if channel > CHANNEL_MAX or channel in self.sessions:
                    raise DecodeError(f"channel {channel} is in use or above {CHANNEL_MAX}")
                self.sessions[channel] = ProtocolSession(self, channel, performative)
            case End():
                session = self.sessions.pop(channel, None)
                if session is not None:
                    session.ended()
                    self.send(channel, End())
            case Close():
                self._drop_sessions()
                self.send(0, Close())
                self._closing = True
            case _:  # clients of pyamqp detach links after they ended the session: nobody is there to hear it
                session = self.sessions.get(channel)
                if session is not None:
                    session.handle(performative, payload)

    def _open(self, frame: Open) -> None:
        self.max_frame_size = max(512, min(frame.max_frame_size or MAX_FRAME_SIZE, MAX_FRAME_SIZE))
        self.send(0, Open("local-servicebus", frame.hostname, MAX_FRAME_SIZE, CHANNEL_MAX, IDLE_TIME_OUT))
        if frame.idle_time_out:
            self._beat(min(frame.idle_time_out / 2000, 30.0))

    # Writing

    def send(self, channel: int, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame at the end of the turn."""
        self.server.trace(self, "->", channel, performative, len(payload))
        self._write(encode_frame(channel, performative, payload))

    def close(self, condition: str, description: str) -> None:
        """Say why, and close."""
        log.warning("closing a connection: %s", description)
        self._drop_sessions()
        self.send(0, Close(amqp_error(condition, description)))
        self._closing = True

    def flush(self) -> None:
        """Write what gathered; the server has committed what it confirms."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._output:
            self._transport.write(b"".join(self._output))
            self._output.clear()
        if self._closing:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        self._output.append(data)
        self.server.schedule_turn()

    def _beat(self, pause: float) -> None:
        self._write(HEARTBEAT)
        self._heartbeat = asyncio.get_running_loop().call_later(pause, self._beat, pause)

    def _drop_sessions(self) -> None:
        sessions, self.sessions = self.sessions, {}
        for session in sessions.values():
            session.ended()
