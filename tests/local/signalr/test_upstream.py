"""Events to the app (learn.microsoft.com/azure/azure-signalr/concept-upstream)."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from local.keys import SIGNALR_ACCESS_KEY
from local.signalr.service import Service
from tests.local.signalr.client import App, JsClient


async def test_events_come_signed_and_in_order(app: App, service: Service) -> None:
    """connected, the messages, disconnected: one after another, though the app is slow."""
    app.pause = 0.05
    client = await JsClient.connect(service, "mei")
    for number in range(5):
        await client.call("send", "note", number)
    await app.wait_for(6)
    await client.stop()
    await app.wait_for(7)
    assert [event for _, event, _, _ in app.events] == ["connected", *["note"] * 5, "disconnected"]
    assert [json.loads(body)["arguments"] for category, _, _, body in app.events if category == "messages"] == [
        [number] for number in range(5)
    ]
    expected = hmac.new(SIGNALR_ACCESS_KEY.encode(), client.id.encode(), hashlib.sha256).hexdigest()
    for _, _, headers, _ in app.events:
        assert headers["x-asrs-signature"] == f"sha256={expected}"
        assert headers["x-asrs-connection-id"] == client.id
        assert headers["x-asrs-user-id"] == "mei"
        assert headers["x-asrs-hub"] == "learning"
        assert "access_token" not in headers["x-asrs-client-query"]


async def test_messages_of_a_messagepack_client_come_as_messagepack(app: App, service: Service) -> None:
    """The client's own bytes, without their length."""
    client = await JsClient.connect(service, "mei", "messagepack")
    await client.call("send", "note", "你")
    await app.wait_for(2)
    _, _, headers, body = app.events[1]
    assert headers["content-type"] == "application/x-msgpack"
    assert "你".encode() in body
    await client.stop()


@pytest.mark.parametrize("status", [401, 403])
async def test_an_app_that_refuses_keeps_the_client_out(app: App, service: Service, status: int) -> None:
    """A `connected` event that is refused refuses the connection."""
    app.status = status
    client = await JsClient.start(service, "mei")
    assert (await client.next())["event"] == "failed"
    await client.stop()


async def test_an_app_without_such_a_function_lets_the_client_in(app: App, service: Service) -> None:
    """No rule matches: the event is dropped."""
    app.status = 404
    client = await JsClient.connect(service, "mei")
    await client.call("send", "note", 1)
    assert await client.next() == {"event": "sent", "target": "note"}
    await client.stop()


async def test_an_invocation_that_fails_upstream_is_an_error_at_the_client(app: App, service: Service) -> None:
    """`invoke` hears of a 500; it never hears of a result, which serverless mode cannot give."""
    client = await JsClient.connect(service, "mei")
    app.status = 500
    await client.call("invoke", "note", 1)
    failed = await client.next()
    assert failed["event"] == "error"
    assert "500" in failed["error"]
    await client.stop()
