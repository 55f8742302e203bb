"""One TCP connection: protocol headers, SASL, frames in and out, heartbeat (specification, 2.2 to 2.4 and 5.3)."""

import asyncio
import logging
from typing import TYPE_CHECKING

from local.servicebus.amqp.codec import Symbol
from local.servicebus.amqp.frames import Frame, amqp_error, decode_frame, encode_frame
from local.servicebus.protocol.session import ProtocolSession
from local.servicebus.refused import DecodeError

if TYPE_CHECKING:
    from local.servicebus.server import Server

SASL_HEADER, AMQP_HEADER = b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00"
HEARTBEAT = b"\x00\x00\x00\x08\x02\x00\x00\x00"
MAX_FRAME_SIZE = 65_536
CHANNEL_MAX = 4_999
IDLE_TIME_OUT = 240_000  # ms; announced, not enforced: idle clients of pyamqp are silent for minutes
WRITE_BUFFER = 4 << 20  # bytes waiting for a client that does not read; beyond, it is not listened to either
log = logging.getLogger("servicebus.connection")


class Connection:
    """Reads frames and gives them to sessions. What it writes leaves at the end of the server's turn."""

    def __init__(self, server: "Server", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.grants: set[str] = set()  # paths of the entities that it may use
        self.max_frame_size = MAX_FRAME_SIZE
        self._reader = reader
        self._writer = writer
        self._sessions: dict[int, ProtocolSession] = {}
        self._output: list[bytes] = []
        self._heartbeat: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Talk until either side wants no more. Malformed frames end this connection only."""
        self._writer.transport.set_write_buffer_limits(WRITE_BUFFER)
        try:
            await self._header(SASL_HEADER)
            self.send(0, Frame("mechanisms", mechanisms=(Symbol("ANONYMOUS"),)))
            if (await self._read())[1].kind != "init":
                raise DecodeError("no SASL mechanism was chosen")
            self.send(0, Frame("outcome", code=0))
            await self._header(AMQP_HEADER)
            while self._act(*await self._read()):
                await self._writer.drain()
        except DecodeError as error:
            log.warning("closing a connection: %s", error)
            self.send(0, Frame("close", error=amqp_error(error)))
        except (OSError, EOFError):
            pass  # the client is gone
        finally:
            for session in self._sessions.values():
                session.end()
            if self._heartbeat is not None:
                self._heartbeat.cancel()

    async def _header(self, ours: bytes) -> None:
        """Exchange protocol headers. EOFError, and a line in the log, for a client that speaks something else."""
        theirs = await self._reader.readexactly(8)
        self._write(ours)
        if theirs != ours:
            spoken = "TLS" if theirs[0] == 0x16 or theirs.startswith(b"AMQP\x02") else f"WebSocket or HTTP ({theirs!r})"
            log.warning("a client speaks %s; it needs UseDevelopmentEmulator=true and AMQP over TCP", spoken)
            raise EOFError

    async def _read(self) -> tuple[int, Frame, bytes]:
        """Channel, performative and payload of the next frame that is no heartbeat."""
        body = b""
        while not body:
            start = await self._reader.readexactly(8)
            size, offset = int.from_bytes(start[:4]), start[4] * 4
            if not 8 <= offset <= size <= MAX_FRAME_SIZE:
                raise DecodeError(f"a frame of {size} bytes whose body starts at byte {offset}")
            body = (await self._reader.readexactly(size - 8))[offset - 8 :]
        return int.from_bytes(start[6:8]), *decode_frame(start[5] == 1, body)

    def _act(self, channel: int, frame: Frame, payload: bytes) -> bool:
        """Act on a frame. False when the client closes the connection."""
        session = self._sessions.get(channel)
        match frame.kind:
            case "open":
                self._open(frame)
            case "begin":
                if session is not None or channel > CHANNEL_MAX:
                    raise DecodeError(f"channel {channel} is in use or above {CHANNEL_MAX}")
                self._sessions[channel] = ProtocolSession(self, channel, frame)
            case "end":
                if session is not None:
                    self._sessions.pop(channel).end()
                    self.send(channel, Frame("end"))
            case "close":
                self.send(0, Frame("close"))
            case _ if session is not None:  # pyamqp detaches links after it ended their session: nobody hears it
                session.act(frame, payload)
        self.server.schedule_turn()
        return bool(frame.kind != "close")

    def _open(self, frame: Frame) -> None:
        self.max_frame_size = max(512, min(frame.max_frame_size or MAX_FRAME_SIZE, MAX_FRAME_SIZE))
        limits = {"max_frame_size": MAX_FRAME_SIZE, "channel_max": CHANNEL_MAX, "idle_time_out": IDLE_TIME_OUT}
        self.send(0, Frame("open", container_id="local", hostname=frame.hostname, **limits))
        if frame.idle_time_out and self._heartbeat is None:
            self._beat(min(frame.idle_time_out / 2000, 30.0))

    def send(self, channel: int, frame: Frame, payload: bytes = b"") -> None:
        """Send a frame at the end of the turn."""
        self._write(encode_frame(channel, frame, payload))

    def flush(self) -> None:
        """Write what gathered; the server has committed what it confirms."""
        if self._output:
            self._writer.write(b"".join(self._output))
            self._output.clear()

    def _write(self, data: bytes) -> None:
        self._output.append(data)
        self.server.schedule_turn()

    def _beat(self, pause: float) -> None:
        self._write(HEARTBEAT)
        self._heartbeat = asyncio.get_running_loop().call_later(pause, self._beat, pause)
