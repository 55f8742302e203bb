"""The hub protocol: messages as JSON text or as MessagePack bytes.

github.com/dotnet/aspnetcore, src/SignalR/docs/specs/HubProtocol.md. What is sent is made in the JSON form.
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


def push(target: str, arguments: list[Any]) -> dict[str, Any]:
    """An invocation without an id: a client would take one with it for a result that it had asked for."""
    return {"type": INVOCATION, "target": target, "arguments": arguments}


def completion(invocation_id: str, error: str | None = None) -> dict[str, Any]:
    """The answer to an invocation: that it failed, or that it has no result."""
    return {"type": COMPLETION, "invocationId": invocation_id} | ({"error": error} if error else {})


def close(error: str | None, allow_reconnect: bool) -> dict[str, Any]:
    """The end; without `allow_reconnect` the official client stays away."""
    return {"type": CLOSE, "allowReconnect": allow_reconnect} | ({"error": error} if error else {})


class JsonProtocol:
    """Text frames; messages end with a record separator."""

    name, binary, content_type = "json", False, "application/json"

    def encode(self, message: dict[str, Any]) -> bytes:
        """A message with its end. Handshakes are written in this form too."""
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + SEPARATOR

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

    name, binary, content_type = "messagepack", True, "application/x-msgpack"

    def encode(self, message: dict[str, Any]) -> bytes:
        """A message with its length."""
        body: bytes = msgpack.packb(_positional(message))
        size, prefix = len(body), bytearray()
        while size > 0x7F:
            prefix.append(size & 0x7F | 0x80)
            size >>= 7
        return bytes([*prefix, size]) + body

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
            kind, *rest = msgpack.unpackb(raw)
            if kind not in (INVOCATION, STREAM_INVOCATION):
                return Message(int(kind), raw)
            return Message(kind, raw, str(rest[2]), rest[1])
        except (ValueError, LookupError, TypeError) as error:
            raise ProtocolError("Error parsing a message of the MessagePack protocol.") from error


def _positional(message: dict[str, Any]) -> list[Any]:
    """The same message as MessagePack has it: values at their places instead of names."""
    kind, error = message["type"], message.get("error")
    if kind == INVOCATION:
        return [kind, {}, None, message["target"], message["arguments"], []]
    if kind == COMPLETION:
        return [kind, {}, message["invocationId"], *((1, error) if error else (2,))]  # 1: it failed, 2: no result
    return [kind] if kind == PING else [kind, error, message["allowReconnect"]]


Protocol = JsonProtocol | MessagePackProtocol
JSON = JsonProtocol()
PROTOCOLS: dict[str, Protocol] = {each.name: each for each in (JSON, MessagePackProtocol())}


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
