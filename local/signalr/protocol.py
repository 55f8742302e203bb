"""The hub protocol, as JSON text and as MessagePack bytes: aspnetcore, src/SignalR/docs/specs/HubProtocol.md.

Frames hold whole messages, one or more, as the official clients send them and ask for them.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack
from aiohttp import WSMsgType

SEPARATOR = b"\x1e"
LENGTH = re.compile(rb"[\x80-\xff]{0,4}[\x00-\x7f]")  # seven bits a byte, the lowest first
INVOCATION, STREAM_INVOCATION = 1, 4
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)  # what is no message makes raise

Outgoing = tuple[dict[str, Any], list[Any]]  # by name, as JSON has it, and by place, as MessagePack has it
Call = tuple[int, str | None, str, bytes]  # type, invocation id, target, and the client's own bytes, for the app
PING: Outgoing = {"type": 6}, [6]


def push(target: str, arguments: list[Any]) -> Outgoing:
    """An invocation without an id: a client would take one with it for a result that it had asked for."""
    return {"type": 1, "target": target, "arguments": arguments}, [1, {}, None, target, arguments, []]


def completion(invocation_id: str, error: str | None) -> Outgoing:
    """The answer to an invocation: that it failed, or that it has no result."""
    named = {"type": 3, "invocationId": invocation_id} | ({"error": error} if error else {})
    return named, [3, {}, invocation_id, *((1, error) if error else (2,))]


def close(error: str | None, allow_reconnect: bool) -> Outgoing:
    """The end; without `allow_reconnect` the official client stays away."""
    named = {"type": 7, "allowReconnect": allow_reconnect} | ({"error": error} if error else {})
    return named, [7, error, allow_reconnect]


class ProtocolError(Exception):
    """The client does what the protocol does not allow; the connection ends with this text."""


@dataclass(frozen=True, eq=False)
class Protocol:
    """How messages are written into frames of a type, and read from them."""

    name: str
    frames: WSMsgType
    content_type: str
    encode: Callable[[Outgoing], bytes]
    read: Callable[[bytes], Iterator[Call]]

    def decode(self, frame: bytes) -> Iterator[Call]:
        """The calls in a frame. Raises ProtocolError."""
        try:
            yield from self.read(frame)
        except MALFORMED as error:
            raise ProtocolError(f"Error parsing a message of the {self.name} protocol.") from error


def _to_json(message: Outgoing) -> bytes:
    return json.dumps(message[0], ensure_ascii=False, separators=(",", ":")).encode() + SEPARATOR


def _from_json(frame: bytes) -> Iterator[Call]:
    *messages, rest = frame.split(SEPARATOR)
    for raw in messages:
        message = json.loads(raw)
        if (kind := int(message["type"])) in (INVOCATION, STREAM_INVOCATION):
            yield kind, message.get("invocationId"), str(message["target"]), raw
    if rest:
        raise ValueError("The last message has no end.")


def _to_messagepack(message: Outgoing) -> bytes:
    body: bytes = msgpack.packb(message[1])
    size, length = len(body), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*length, size]) + body


def _from_messagepack(frame: bytes) -> Iterator[Call]:
    while frame:
        if not (length := LENGTH.match(frame)):
            raise ValueError("A message has no length.")
        end = length.end() + sum((byte & 0x7F) << 7 * at for at, byte in enumerate(length[0]))
        raw, frame = frame[length.end() : end], frame[end:]
        kind, *rest = msgpack.unpackb(raw)
        if kind in (INVOCATION, STREAM_INVOCATION):
            yield kind, rest[1], str(rest[2]), raw


JSON = Protocol("JSON", WSMsgType.TEXT, "application/json", _to_json, _from_json)
MESSAGEPACK = Protocol("MessagePack", WSMsgType.BINARY, "application/x-msgpack", _to_messagepack, _from_messagepack)


def handshake(frame: bytes) -> Protocol:
    """The protocol that a client asks for. Raises ProtocolError."""
    try:
        request = json.loads(frame.removesuffix(SEPARATOR))
        return {("json", 1): JSON, ("messagepack", 1): MESSAGEPACK}[request["protocol"], request["version"]]
    except MALFORMED as error:
        raise ProtocolError("The handshake asks for neither 'json' nor 'messagepack', version 1.") from error
