"""Events to the app (learn.microsoft.com/azure/azure-signalr/concept-upstream)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import aiohttp
import pytest

from local.connections import SIGNALR_ACCESS_KEY
from local.signalr.service import Service
from local.signalr.tokens import SECONDARY_KEY
from tests.local.signalr.app import App, Event
from tests.local.signalr.javascript import JsClients
from tests.local.signalr.raw import connected, websocket
from tests.local.signalr.running import running_service
from tests.local.signalr.test_negotiation import HANDSHAKE, token
from tests.ports import free_ports


async def test_events_come_signed_and_in_order(app: App, js: JsClients) -> None:
    """connected, the messages, disconnected: one after another, though the app is slow."""
    app.pause = 0.05
    client = await js.connect("mei")
    for number in range(5):
        await client.call("send", "note", number)
    await app.wait_for(6)
    await client.stop()
    events = await app.wait_for(7)
    assert [event.name for event in events] == ["connected", *["note"] * 5, "disconnected"]
    assert [event.category for event in events] == ["connections", *["messages"] * 5, "connections"]
    assert [json.loads(event.body)["arguments"] for event in events[1:6]] == [[number] for number in range(5)]
    assert json.loads(events[0].body) == {"type": 10}
    assert json.loads(events[6].body) == {"type": 11}
    signatures = [
        f"sha256={hmac.new(key.encode(), client.id.encode(), hashlib.sha256).hexdigest()}"
        for key in (SIGNALR_ACCESS_KEY, SECONDARY_KEY)
    ]
    for event in events:
        assert event.headers["x-asrs-signature"] == ",".join(signatures)
        assert event.headers["x-asrs-connection-id"] == client.id
        assert event.headers["x-asrs-user-id"] == "mei"
        assert event.headers["x-asrs-hub"] == "learning"
        assert "asrs.s.uid: mei" in event.headers["x-asrs-user-claims"]


async def test_the_clients_own_parameters_come_along_and_its_token_does_not(app: App, service: Service) -> None:
    """`X-ASRS-Client-Query`."""
    async with connected(service, query="&lesson=3&access_token=secret"):
        pass
    events = await app.wait_for(1)
    assert events[0].headers["x-asrs-client-query"] == "?hub=learning&lesson=3"


async def test_messages_of_a_messagepack_client_come_as_messagepack(app: App, js: JsClients) -> None:
    """The client's own bytes, without their length."""
    client = await js.connect("mei", "messagepack")
    await client.call("send", "note", "你")
    events = await app.wait_for(2)
    assert events[1].headers["content-type"] == "application/x-msgpack"
    assert "你".encode() in events[1].body


async def test_an_app_that_refuses_keeps_the_client_out(app: App, service: Service, js: JsClients) -> None:
    """A function that fails on `connected` is a 403, which refuses the connection; nothing more is heard of it."""
    app.status = 403
    app.pause = 0.2
    client = await js.connect("mei")
    refused = await client.next()
    assert refused["event"] == "closed"
    assert "refused by the app" in refused["error"]
    assert not service.connections
    assert [event.name for event in app.events] == ["connected"]


@pytest.mark.parametrize("status", [400, 401, 415])
async def test_any_4xx_but_404_refuses(app: App, service: Service, status: int) -> None:
    """The app answered, and not that all is well."""
    app.status = status
    async with websocket(service) as socket:
        await socket.send_str(HANDSHAKE)
        assert await socket.receive_str(timeout=30) == "{}\x1e"
        goodbye = json.loads((await socket.receive_str(timeout=30)).removesuffix("\x1e"))
        assert goodbye == {"type": 7, "allowReconnect": False, "error": "The connection was refused by the app."}


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_an_app_without_such_a_function_or_a_broken_one_keeps_nobody_out(
    app: App, service: Service, status: int
) -> None:
    """No rule matches: the event is dropped. A failure is no refusal."""
    app.status = status
    async with connected(service):
        assert len(service.connections) == 1


async def test_an_app_that_is_not_there_keeps_nobody_out() -> None:
    """Clients stay connected while the app restarts; who waits for an answer hears that there is none."""
    async with running_service(free_ports(1)[0], "http://127.0.0.1:1/events") as service, connected(service) as socket:
        await socket.send_str('{"type":1,"target":"note","arguments":[],"invocationId":"7"}\x1e')
        answer = json.loads((await socket.receive_str(timeout=30)).removesuffix("\x1e"))
    assert answer["invocationId"] == "7"
    assert "404" in answer["error"]


@pytest.mark.parametrize("protocol", ["json", "messagepack"])
async def test_an_invocation_that_fails_upstream_is_an_error_at_the_client(
    app: App, js: JsClients, protocol: str
) -> None:
    """`invoke` hears of a 500; `send` does not."""
    client = await js.connect("mei", protocol)
    app.status = 500
    await client.call("send", "note", 1)
    assert await client.next() == {"event": "sent", "target": "note"}
    await client.call("invoke", "note", 1)
    failed = await client.next()
    assert failed["event"] == "error"
    assert "Invocation failed, status code 500" in failed["error"]


async def test_an_answer_goes_to_the_client_that_waits_for_it(app: App, service: Service) -> None:
    """A 200 carries bytes of the hub protocol; nobody waits for the answer to an invocation without id."""
    app.status, app.body = 200, b'{"type":3,"invocationId":"1","result":42}\x1e'
    async with connected(service) as socket:
        await socket.send_str('{"type":1,"target":"a","arguments":[]}\x1e')
        await socket.send_str('{"type":1,"target":"b","arguments":[],"invocationId":"1"}\x1e')
        assert await socket.receive_str(timeout=30) == app.body.decode()


async def test_a_message_is_heard_though_its_client_goes(app: App, service: Service) -> None:
    """What a client said before it was cut off comes whole, and `disconnected` after it."""
    arrived = asyncio.Event()

    async def take_time(event: Event) -> None:
        if event.name == "last":
            arrived.set()
            await asyncio.sleep(0.3)

    app.meanwhile = take_time
    async with connected(service) as socket:
        await socket.send_str('{"type":1,"target":"last","arguments":[]}\x1e')
        await asyncio.wait_for(arrived.wait(), 30)
        [connection] = service.connections.values()
        connection.transport.abort()
    events = await app.wait_for(3)
    assert [event.name for event in events] == ["connected", "last", "disconnected"]


async def test_the_apps_address_may_hold_hub_category_and_event(app: App) -> None:
    """The placeholders of an upstream's URL template; a client's target is encoded."""
    template = f"{app.address}/events/{{hub}}/{{category}}/{{event}}"
    async with running_service(free_ports(1)[0], template) as service, connected(service) as socket:
        await socket.send_str('{"type":1,"target":"a/../b","arguments":[]}\x1e')
        events = await app.wait_for(2)
    assert events[0].path == "/events/learning/connections/connected"
    assert events[1].path == "/events/learning/messages/a/../b"  # as aiohttp shows it, decoded


async def test_a_claim_with_a_line_break_injects_nothing(app: App, service: Service) -> None:
    """No such header can be sent: the event is lost, and the client is in."""
    access = token(service, lesson="1\r\nX-ASRS-User-Id: admin")
    url = f"{service.endpoint}/client/?hub=learning&access_token={access}"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.send_str(HANDSHAKE)
        assert await socket.receive_str(timeout=30) == "{}\x1e"
    assert app.events == []


async def test_a_client_that_leaves_before_its_handshake_was_never_there(app: App, service: Service) -> None:
    """No event for a connection that never was."""
    async with websocket(service):
        pass
    async with connected(service):
        assert [event.name for event in await app.wait_for(1)] == ["connected"]
