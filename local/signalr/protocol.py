"""The hub protocol: messages as JSON text or as MessagePack bytes.

github.com/dotnet/aspnetcore, src/SignalR/docs/specs/HubProtocol.md. A push carries no invocation id: a client would
take it for a result that it had asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgpack

SEPARATOR = b"\x1e"
INVOCATION, COMPLETION, STREAM_INVOCATION, PING, CLOSE = 1, 3, 4, 6, 7


class ProtocolError(Exception):
    """What the client sent is no message of the protocol; the connection ends with this text."""


@dataclass(frozen=True)
class Message:
    """A message from a client. `raw` is what goes upstream: the client's own bytes without frame or length."""

    type: int
    raw: bytes
    target: str = ""
    invocation_id: str | None = None
    arguments: list[Any] = field(default_factory=list)


class JsonProtocol:
    """Text frames; messages end with a record separator."""

    name = "json"
    binary = False
    content_type = "application/json"

    def invocation(self, target: str, arguments: list[Any]) -> bytes:
        """A push."""
        return _json({"type": INVOCATION, "target": target, "arguments": arguments})

    def completion_error(self, invocation_id: str, error: str) -> bytes:
        """The answer to an invocation that failed."""
        return _json({"type": COMPLETION, "invocationId": invocation_id, "error": error})

    def ping(self) -> bytes:
        """A keep-alive."""
        return _json({"type": PING})

    def close(self, error: str | None, allow_reconnect: bool) -> bytes:
        """The end; without `allow_reconnect` the official client stays away."""
        message: dict[str, Any] = {"type": CLOSE, "allowReconnect": allow_reconnect}
        return _json({**message, "error": error} if error else message)

    def split(self, buffer: bytearray) -> Iterator[bytes]:
        """Take whole messages out of the buffer."""
        while (end := buffer.find(SEPARATOR)) >= 0:
            yield bytes(buffer[:end])
            del buffer[: end + 1]

    def parse(self, raw: bytes) -> Message:
        """Read one message."""
        try:
            message = json.loads(raw)
            return Message(
                type=int(message["type"]),
                raw=raw,
                target=str(message.get("target", "")),
                invocation_id=message.get("invocationId"),
                arguments=list(message.get("arguments") or []),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProtocolError("Error parsing a message of the JSON protocol.") from error


class MessagePackProtocol:
    """Binary frames; a variable-length integer stands before each message."""

    name = "messagepack"
    binary = True
    content_type = "application/x-msgpack"

    def invocation(self, target: str, arguments: list[Any]) -> bytes:
        """A push."""
        return _packed([INVOCATION, {}, None, target, arguments, []])

    def completion_error(self, invocation_id: str, error: str) -> bytes:
        """The answer to an invocation that failed."""
        return _packed([COMPLETION, {}, invocation_id, 1, error])

    def ping(self) -> bytes:
        """A keep-alive."""
        return _packed([PING])

    def close(self, error: str | None, allow_reconnect: bool) -> bytes:
        """The end; without `allow_reconnect` the official client stays away."""
        return _packed([CLOSE, error, allow_reconnect])

    def split(self, buffer: bytearray) -> Iterator[bytes]:
        """Take whole messages out of the buffer."""
        while buffer:
            size = shift = used = 0
            for byte in buffer[:5]:
                size |= (byte & 0x7F) << shift
                shift, used = shift + 7, used + 1
                if byte < 0x80:
                    break
            else:
                if len(buffer) >= 5:
                    raise ProtocolError("A message's length takes more than five bytes.")
                return
            if len(buffer) < used + size:
                return
            yield bytes(buffer[used : used + size])
            del buffer[: used + size]

    def parse(self, raw: bytes) -> Message:
        """Read one message."""
        try:
            message = msgpack.unpackb(raw)
            kind = int(message[0])
            if kind not in (INVOCATION, STREAM_INVOCATION):
                return Message(type=kind, raw=raw)
            return Message(
                type=kind, raw=raw, invocation_id=message[2], target=str(message[3]), arguments=list(message[4])
            )
        except (ValueError, IndexError, TypeError) as error:
            raise ProtocolError("Error parsing a message of the MessagePack protocol.") from error


Protocol = JsonProtocol | MessagePackProtocol
PROTOCOLS: dict[str, Protocol] = {each.name: each for each in (JsonProtocol(), MessagePackProtocol())}


def handshake(raw: bytes) -> Protocol:
    """The protocol that a client asks for. Raises ProtocolError."""
    try:
        request = json.loads(raw)
        name, version = request["protocol"], request["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError("The handshake is no JSON object with 'protocol' and 'version'.") from error
    if name not in PROTOCOLS or version != 1:
        raise ProtocolError(f"The protocol '{name}', version {version}, is not supported.")
    return PROTOCOLS[name]


def _json(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + SEPARATOR


def _packed(message: list[Any]) -> bytes:
    body: bytes = msgpack.packb(message)
    size, prefix = len(body), bytearray()
    while True:
        prefix.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(prefix) + body
