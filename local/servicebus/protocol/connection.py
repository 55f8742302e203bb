"""One TCP connection: protocol headers, SASL, frames in and out, heartbeat (specification, 2.2 to 2.4 and 5.3)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from local.servicebus.amqp.frames import Frame, amqp_error, decode_frame, encode_frame
from local.servicebus.amqp.values import SYMBOLS, Array, DecodeError, Symbol
from local.servicebus.broker.refused import Condition
from local.servicebus.protocol.session import ProtocolSession
from local.servicebus.protocol.tokens import Grants

if TYPE_CHECKING:
    from local.servicebus.server import Server

SASL_HEADER, AMQP_HEADER = b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00"
HEARTBEAT = b"\x00\x00\x00\x08\x02\x00\x00\x00"
MAX_FRAME_SIZE = 65_536
CHANNEL_MAX = 4_999
IDLE_TIME_OUT = 240_000  # ms; announced, not enforced: idle clients of pyamqp are silent for minutes
WRITE_BUFFER = 4 << 20  # bytes waiting for a client that does not read; beyond, it is not listened to either
log = logging.getLogger("servicebus.connection")
wire = logging.getLogger("servicebus.wire")


class Connection(asyncio.Protocol):
    """Reads frames and gives them to sessions. What it writes leaves at the end of the server's turn."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.grants = Grants()
        self.max_frame_size = MAX_FRAME_SIZE
        self._sessions: dict[int, ProtocolSession] = {}
        self._input = b""
        self._output: list[bytes] = []
        self._header = SASL_HEADER  # the protocol header that comes next; empty once frames do
        self._closing = False
        self._transport: asyncio.Transport
        self._heartbeat: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(WRITE_BUFFER)
        self._transport = transport
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and with it its sessions."""
        self.server.connections.discard(self)
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._end_sessions()
        self.server.schedule_turn()

    def pause_writing(self) -> None:
        """The client does not read: hear no more of it until it does."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Bytes, in whatever pieces TCP made of them."""
        self._input += data
        try:
            while not self._closing and self._step():
                pass
        except DecodeError as error:
            log.warning("closing a connection: %s", error)
            self._end_sessions()
            self.send(0, Frame("close", error=amqp_error(Condition.DECODE_ERROR, str(error))))
            self._closing = True
        self.server.schedule_turn()

    # Reading

    def _step(self) -> bool:
        """Take one header or frame from the input. False when there is no whole one."""
        if len(self._input) < 8:
            return False
        if self._header:
            return self._take_header()
        size, offset = int.from_bytes(self._input[:4]), self._input[4] * 4
        if not 8 <= offset <= size <= MAX_FRAME_SIZE:
            raise DecodeError(f"a frame of {size} bytes whose body starts at byte {offset}")
        if len(self._input) < size:
            return False
        kind, channel = self._input[5], int.from_bytes(self._input[6:8])
        body, self._input = self._input[offset:size], self._input[size:]
        if body:
            frame, payload = decode_frame(kind == 1, body)
            wire.debug("%x <- %d %s and %d bytes", id(self), channel, frame, len(payload))
            self._act(channel, frame, payload)
        return True

    def _take_header(self) -> bool:
        start, self._input = self._input[:8], self._input[8:]
        if start != self._header:
            spoken = "WebSocket or HTTP" if start[:4] in (b"GET ", b"POST") else "something else than AMQP with SASL"
            spoken = "TLS" if start[0] == 0x16 or start.startswith(b"AMQP\x02") else spoken
            log.warning("a client speaks %s; it needs UseDevelopmentEmulator=true and AMQP over TCP", spoken)
            self._write(SASL_HEADER)
            self._closing = True
            return False
        self._write(self._header)
        if self._header == SASL_HEADER:
            self.send(0, Frame("mechanisms", mechanisms=Array(SYMBOLS, [Symbol("ANONYMOUS")])))
        self._header = b""
        return True

    def _act(self, channel: int, frame: Frame, payload: bytes) -> None:
        session = self._sessions.get(channel)
        match frame.kind:
            case "init":
                self.send(0, Frame("outcome", code=0))
                self._header = AMQP_HEADER
            case "open":
                self._open(frame)
            case "begin":
                if session is not None or channel > CHANNEL_MAX:
                    raise DecodeError(f"channel {channel} is in use or above {CHANNEL_MAX}")
                self._sessions[channel] = ProtocolSession(self, channel, frame)
            case "end":
                if session is not None:
                    del self._sessions[channel]
                    session.end()
                    self.send(channel, Frame("end"))
            case "close":
                self._end_sessions()
                self.send(0, Frame("close"))
                self._closing = True
            case _ if session is not None:  # pyamqp detaches links after it ended their session: nobody hears it
                session.act(frame, payload)

    def _open(self, frame: Frame) -> None:
        self.max_frame_size = max(512, min(frame.max_frame_size or MAX_FRAME_SIZE, MAX_FRAME_SIZE))
        ours = Frame("open", container_id="local", hostname=frame.hostname, max_frame_size=MAX_FRAME_SIZE)
        ours.channel_max, ours.idle_time_out = CHANNEL_MAX, IDLE_TIME_OUT
        self.send(0, ours)
        if frame.idle_time_out and self._heartbeat is None:
            self._beat(min(frame.idle_time_out / 2000, 30.0))

    def _end_sessions(self) -> None:
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.end()

    # Writing

    def send(self, channel: int, frame: Frame, payload: bytes = b"") -> None:
        """Send a frame at the end of the turn."""
        wire.debug("%x -> %d %s and %d bytes", id(self), channel, frame, len(payload))
        self._write(encode_frame(channel, frame, payload))

    def flush(self) -> None:
        """Write what gathered; the server has committed what it confirms."""
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
