"""Frames, handshakes and the end of connections (github.com/dotnet/aspnetcore: HubProtocol.md)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import msgpack
import pytest

from local.signalr.protocol import MESSAGEPACK, PING, ProtocolError, push
from local.signalr.service import Service
from tests.local.signalr.app import App
from tests.local.signalr.dataplane import call
from tests.local.signalr.raw import connected, websocket
from tests.local.signalr.running import running_service
from tests.ports import free_ports


def invocation(target: str, *arguments: Any) -> str:
    return json.dumps({"type": 1, "target": target, "arguments": arguments}) + "\x1e"


@pytest.mark.parametrize(
    "handshake",
    ["{}", '{"protocol":"x\\"ml","version":1}', '{"protocol":"json","version":2}', "what", "[]", "[" * 100_000],
)
async def test_a_bad_handshake_is_answered_with_an_error(service: Service, handshake: str) -> None:
    """The answer has an `error` ("HandshakeResponse"), and the connection closes."""
    async with websocket(service) as socket:
        await socket.send_str(handshake + "\x1e")
        answer = json.loads((await socket.receive_str()).removesuffix("\x1e"))
        assert answer["error"]
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE


async def test_messages_may_share_a_frame(app: App, service: Service) -> None:
    """JSON messages end with a record separator ("JSON Encoding")."""
    async with connected(service) as socket:
        await socket.send_str(invocation("a") + invocation("b"))
        events = await app.wait_for(3)
    assert [event.name for event in events] == ["connected", "a", "b"]


async def test_messagepack_messages_may_share_a_frame(app: App, service: Service) -> None:
    """The length before each message is what counts, also where it takes two bytes ("MessagePack encoding")."""
    body = msgpack.packb([1, {}, None, "long", ["你" * 100], []])
    message = bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) + body
    async with websocket(service) as socket:
        await socket.send_str('{"protocol":"messagepack","version":1}\x1e')
        assert (await socket.receive_bytes()) == b"{}\x1e"
        await socket.send_bytes(message + MESSAGEPACK.encode(PING) + message)
        events = await app.wait_for(3)
        await socket.send_bytes(message[:-1])
        kind, error, _ = msgpack.unpackb((await socket.receive_bytes())[1:])
        assert (kind, error) == (7, "Error parsing a message of the MessagePack protocol.")
    assert [event.body for event in events[1:]] == [body, body]


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384])
def test_the_length_of_a_messagepack_message_takes_as_many_bytes_as_it_needs(size: int) -> None:
    """Seven bits a byte, the least significant first ("MessagePack encoding")."""
    frame = MESSAGEPACK.encode(push("a" * size, [])) + MESSAGEPACK.encode(push("b", []))
    assert [target for _, _, target, _ in MESSAGEPACK.decode(frame)] == ["a" * size, "b"]


def test_a_message_whose_length_has_no_end_is_refused() -> None:
    """A length takes at most five bytes ("MessagePack encoding")."""
    with pytest.raises(ProtocolError):
        list(MESSAGEPACK.decode(b"\x80" * 6))


@pytest.mark.parametrize(
    "message", ["nonsense", "[]", '{"target":"a"}', '{"type":"one"}', '{"type":1}\x1e{"ty', "[" * 100_000]
)
async def test_a_message_that_cannot_be_read_ends_the_connection(service: Service, message: str) -> None:
    """A close message with the error, and without `allowReconnect`."""
    async with connected(service) as socket:
        await socket.send_str(message + "\x1e")
        goodbye = json.loads((await socket.receive_str()).removesuffix("\x1e"))
        assert goodbye == {
            "type": 7,
            "allowReconnect": False,
            "error": "Error parsing a message of the JSON protocol.",
        }


async def test_a_silent_client_is_dropped_and_a_late_handshake_refused(app: App) -> None:
    """30 and 15 seconds in the service's own patience; shorter here."""
    async with running_service(free_ports(1)[0], f"{app.address}/events", handshake=0.3, silence=0.3) as service:
        async with websocket(service) as socket:
            assert "took too long" in await socket.receive_str(timeout=30)
        async with connected(service) as socket:
            assert "was silent" in await socket.receive_str(timeout=30)
        events = await app.wait_for(2)
    assert json.loads(events[1].body) == {"type": 11, "error": "The client was silent for too long."}


async def test_a_client_that_does_not_read_is_dropped_and_others_are_served(app: App) -> None:
    """What waits for one client is bounded, and never holds up another."""
    large = {"target": "news", "arguments": ["x" * 1_000_000]}
    async with (
        running_service(free_ports(1)[0], f"{app.address}/events", unread=2_500_000) as service,
        connected(service, "slow"),
        connected(service, "mei") as mei,
    ):
        for _ in range(50):  # buffers on the way take some
            if not (await call(service, "POST", "/users/slow/:send", large)).delivered:
                break
        assert (await call(service, "HEAD", "/users/slow")).status == 404
        await call(service, "POST", "/users/mei/:send", {"target": "news", "arguments": [1]})
        assert json.loads((await mei.receive_str(timeout=30)).removesuffix("\x1e"))["arguments"] == [1]
        assert [event.name for event in await app.wait_for(3)] == ["connected", "connected", "disconnected"]


async def test_a_message_of_more_than_a_megabyte_ends_the_connection(service: Service) -> None:
    """The service's limit for a client's message."""
    async with connected(service) as socket:
        await socket.send_str(invocation("note", "x" * 1024 * 1024))
        async with asyncio.timeout(30):
            assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_a_push_can_follow_the_handshake_at_once(app: App, service: Service) -> None:
    """The app may push to a connection while it hears of it: after the handshake's answer, never lost."""

    async def greet(event: Any) -> None:
        if event.name == "connected":
            path = f"/connections/{event.headers['x-asrs-connection-id']}/:send"
            assert (await call(service, "POST", path, {"target": "hello"})).delivered == 1

    app.meanwhile = greet
    async with connected(service) as socket:
        message = json.loads((await socket.receive_str(timeout=30)).removesuffix("\x1e"))
    assert message == {"type": 1, "target": "hello", "arguments": []}
