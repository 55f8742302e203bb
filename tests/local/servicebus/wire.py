"""A client that writes frames by hand, to say what no SDK would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from local.connections import SERVICE_BUS_KEY, SERVICE_BUS_KEY_NAME
from local.servicebus.amqp.codec import Described, Ulong
from local.servicebus.amqp.frames import Frame, decode_frame, encode_frame
from tests.local.servicebus.messages import APPLICATION_PROPERTIES, PROPERTIES, VALUE, section, sections

SASL_HEADER, AMQP_HEADER = b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00"
NO_SOURCE, NO_TARGET = Described(Ulong(0x28), []), Described(Ulong(0x29), [])


def source(address: str, filters: dict[Any, Any] | None = None) -> Described:
    return Described(Ulong(0x28), [address, *[None] * 6, filters])


def target(address: str) -> Described:
    return Described(Ulong(0x29), [address])


def shared_access_signature(
    resource: str, *, expires: int | None = None, key: str = SERVICE_BUS_KEY, name: str = SERVICE_BUS_KEY_NAME
) -> str:
    """Format: learn.microsoft.com/azure/service-bus-messaging/service-bus-sas."""
    encoded, expiry = quote(resource, safe=""), str(int(time.time()) + 3600 if expires is None else expires)
    digest = hmac.digest(key.encode(), f"{encoded}\n{expiry}".encode(), hashlib.sha256)
    signature = quote(base64.b64encode(digest), safe="")
    return f"SharedAccessSignature sr={encoded}&sig={signature}&se={expiry}&skn={name}"


class Wire:
    """One connection. Reading waits for at most ten seconds."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = b""

    def write(self, *frames: Frame, channel: int = 0, payload: bytes = b"") -> None:
        self.socket.sendall(b"".join(encode_frame(channel, frame, payload) for frame in frames))

    def read_bytes(self, count: int) -> bytes:
        """Fewer when the connection ends."""
        while len(self._input) < count:
            data = self.socket.recv(65_536)
            if not data:
                break
            self._input += data
        taken, self._input = self._input[:count], self._input[count:]
        return taken

    def read(self) -> tuple[Frame, bytes]:
        """The next frame that is no heartbeat, and its payload."""
        while True:
            start = self.read_bytes(8)
            if len(start) < 8:
                raise ConnectionError("the broker closed the connection")
            body = self.read_bytes(int.from_bytes(start[:4]) - 8)
            if body:
                return decode_frame(start[5] == 1, body)

    def expect(self, kind: str) -> Frame:
        """The next frame of that kind, others passed over."""
        while True:
            frame, _ = self.read()
            if frame.kind == kind:
                return frame

    def ended(self) -> bool:
        """Whether the broker closes the connection, after whatever it still says."""
        while data := self.socket.recv(65_536):
            self._input += data
        return True

    def open(self, **fields: Any) -> Frame:
        """Headers, SASL, open, and a session on channel 0; the broker's open."""
        self.socket.sendall(SASL_HEADER)
        assert self.read_bytes(8) == SASL_HEADER
        self.expect("mechanisms")
        self.write(Frame("init", mechanism="ANONYMOUS"))
        assert self.expect("outcome").code == 0
        self.socket.sendall(AMQP_HEADER)
        assert self.read_bytes(8) == AMQP_HEADER
        self.write(Frame("open", container_id="test", hostname="localhost", **fields))
        opened = self.expect("open")
        self.begin(0)
        return opened

    def begin(self, channel: int) -> Frame:
        self.write(Frame("begin", next_outgoing_id=0, incoming_window=5000, outgoing_window=5000), channel=channel)
        return self.expect("begin")

    def attach(self, handle: int, *, name: str | None = None, **fields: Any) -> Frame:
        self.write(Frame("attach", name=name or f"link-{handle}", handle=handle, **fields))
        return self.expect("attach")

    def attach_sender(self, handle: int, address: str) -> Frame:
        return self.attach(handle, role=False, source=NO_SOURCE, target=target(address))

    def attach_receiver(self, handle: int, address: str, *, credit: int = 100, **fields: Any) -> Frame:
        reply = self.attach(handle, role=True, source=source(address), target=NO_TARGET, **fields)
        self.give_credit(handle, credit)
        return reply

    def give_credit(self, handle: int, credit: int, **fields: Any) -> None:
        flow = Frame("flow", next_incoming_id=0, incoming_window=100_000, next_outgoing_id=0, outgoing_window=5000)
        flow.handle, flow.delivery_count, flow.link_credit = handle, 0, credit
        flow.__dict__.update(fields)
        self.write(flow)

    def transfer(self, handle: int, number: int, payload: bytes, **fields: Any) -> None:
        tag = number.to_bytes(4)
        frame = Frame("transfer", handle=handle, delivery_id=number, delivery_tag=tag, message_format=0)
        frame.__dict__.update(fields)
        self.write(frame, payload=payload)

    def authorize(self, resource: str, token: str | None = None) -> dict[str, Any]:
        """Put a token over handles 100 and 101; the status that comes back."""
        self.attach_receiver(100, "$cbs")
        self.attach_sender(101, "$cbs")
        request = section(PROPERTIES, ["request-1"])
        request += section(APPLICATION_PROPERTIES, {"operation": "put-token", "type": "jwt", "name": resource})
        self.transfer(101, 1, request + section(VALUE, token or shared_access_signature(resource)))
        while True:
            frame, payload = self.read()
            if frame.kind == "transfer":
                self.write(Frame("detach", handle=100, closed=True), Frame("detach", handle=101, closed=True))
                self.expect("detach")
                self.expect("detach")
                answer = sections(payload)
                assert answer[PROPERTIES][5] == "request-1"
                return dict(answer[APPLICATION_PROPERTIES])


@contextmanager
def wire(port: int, *, entity: str | None = "wire") -> Iterator[Wire]:
    """An open connection that may use the entity; with None, one that has said nothing yet."""
    client = Wire(port)
    try:
        if entity is not None:
            client.open()
            assert client.authorize(f"sb://localhost/{entity}")["status-code"] == 202
        yield client
    finally:
        client.socket.close()
