"""The hub protocol: messages as JSON text or as MessagePack bytes.

github.com/dotnet/aspnetcore, src/SignalR/docs/specs/HubProtocol.md. A push carries no invocation id: a client would
take it for a result that it had asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
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


class JsonProtocol:
    """Text frames; messages end with a record separator."""

    name = "json"
    binary = False
    content_type = "application/json"

    def invocation(self, target: str, arguments: list[Any]) -> bytes:
        """A push."""
        return text({"type": INVOCATION, "target": target, "arguments": arguments})

    def completion(self, invocation_id: str, error: str | None = None) -> bytes:
        """The answer to an invocation: that it failed, or that it has no result."""
        message = {"type": COMPLETION, "invocationId": invocation_id}
        return text({**message, "error": error} if error else message)

    def ping(self) -> bytes:
        """A keep-alive."""
        return text({"type": PING})

    def close(self, error: str | None, allow_reconnect: bool) -> bytes:
        """The end; without `allow_reconnect` the official client stays away."""
        message: dict[str, Any] = {"type": CLOSE, "allowReconnect": allow_reconnect}
        return text({**message, "error": error} if error else message)

    def split(self, buffer: bytearray) -> Iterator[bytes]:
        """Take whole messages out of the buffer."""
        while (end := buffer.find(SEPARATOR)) >= 0:
            message = bytes(buffer[:end])
            del buffer[: end + 1]
            yield message

    def parse(self, raw: bytes) -> Message:
        """Read one message. Raises ProtocolError."""
        try:
            message = json.loads(raw)
            return Message(int(message["type"]), raw, str(message.get("target", "")), message.get("invocationId"))
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ProtocolError("Error parsing a message of the JSON protocol.") from error


class MessagePackProtocol:
    """Binary frames; a variable-length integer stands before each message."""

    name = "messagepack"
    binary = True
    content_type = "application/x-msgpack"

    def invocation(self, target: str, arguments: list[Any]) -> bytes:
        """A push."""
        return _packed([INVOCATION, {}, None, target, arguments, []])

    def completion(self, invocation_id: str, error: str | None = None) -> bytes:
        """The answer to an invocation: that it failed, or that it has no result."""
        return _packed([COMPLETION, {}, invocation_id, *((1, error) if error else (2,))])

    def ping(self) -> bytes:
        """A keep-alive."""
        return _packed([PING])

    def close(self, error: str | None, allow_reconnect: bool) -> bytes:
        """The end; without `allow_reconnect` the official client stays away."""
        return _packed([CLOSE, error, allow_reconnect])

    def split(self, buffer: bytearray) -> Iterator[bytes]:
        """Take whole messages out of the buffer. Raises ProtocolError."""
        while (end := next((at for at, byte in enumerate(buffer[:5]) if byte < 0x80), -1)) >= 0:
            size = sum((byte & 0x7F) << 7 * at for at, byte in enumerate(buffer[: end + 1]))
            if len(buffer) <= end + size:
                return
            message = bytes(buffer[end + 1 : end + 1 + size])
            del buffer[: end + 1 + size]
            yield message
        if len(buffer) >= 5:
            raise ProtocolError("A message's length takes more than five bytes.")

    def parse(self, raw: bytes) -> Message:
        """Read one message. Raises ProtocolError."""
        try:
            message = msgpack.unpackb(raw)
            kind = int(message[0])
            if kind not in (INVOCATION, STREAM_INVOCATION):
                return Message(kind, raw)
            return Message(kind, raw, str(message[3]), message[2])
        except (ValueError, LookupError, TypeError) as error:
            raise ProtocolError("Error parsing a message of the MessagePack protocol.") from error


Protocol = JsonProtocol | MessagePackProtocol
PROTOCOLS: dict[str, Protocol] = {each.name: each for each in (JsonProtocol(), MessagePackProtocol())}


def handshake(raw: bytes) -> Protocol:
    """The protocol that a client asks for. Raises ProtocolError."""
    try:
        request = json.loads(raw)
        name, version = str(request["protocol"]), request["version"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ProtocolError("The handshake is no JSON object with 'protocol' and 'version'.") from error
    if name not in PROTOCOLS or version != 1:
        raise ProtocolError(f"The protocol '{name}', version {version}, is not supported.")
    return PROTOCOLS[name]


def text(message: dict[str, Any]) -> bytes:
    """A message of the JSON protocol, or a handshake, with its end."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + SEPARATOR


def _packed(message: list[Any]) -> bytes:
    body: bytes = msgpack.packb(message)
    size, prefix = len(body), bytearray()
    while size > 0x7F:
        prefix.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*prefix, size]) + body
