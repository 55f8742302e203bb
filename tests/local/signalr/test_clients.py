"""The official client, unmodified (github.com/dotnet/aspnetcore, HubProtocol.md and TransportProtocols.md)."""

from __future__ import annotations

import pytest

from local.signalr.server import running_service
from local.signalr.service import Service
from local.signalr.tokens import client_token
from tests.local.signalr.client import App, JsClient, call, running_app
from tests.ports import free_ports

NEWS = {"target": "news", "arguments": [{"你": [1, None, 2.5]}, "b"]}


@pytest.mark.parametrize("protocol", ["json", "messagepack"])
async def test_a_push_reaches_the_client_in_its_protocol(service: Service, protocol: str) -> None:
    """Invocations without an id; JSON in text frames, MessagePack in binary ones."""
    client = await JsClient.connect(service, "mei", protocol)
    status, headers, _ = await call(service, "POST", "/users/mei/:send", NEWS)
    assert (status, headers["X-Local-Delivered"]) == (202, "1")
    assert await client.next() == {"event": "news", "args": NEWS["arguments"]}
    await client.stop()


async def test_every_device_of_a_user_hears_and_excluded_ones_do_not(service: Service) -> None:
    """A user has several connections; `excluded` leaves some out."""
    phone, laptop = await JsClient.connect(service, "mei"), await JsClient.connect(service, "mei")
    await call(service, "POST", "/users/mei/:send", NEWS)
    assert (await phone.next())["event"] == (await laptop.next())["event"] == "news"
    _, headers, _ = await call(service, "POST", f"/users/mei/:send?excluded={phone.id}", NEWS)
    assert headers["X-Local-Delivered"] == "1"
    await phone.stop()
    await laptop.stop()


async def test_a_users_group_survives_a_dropped_connection(service: Service) -> None:
    """Membership that belongs to the user holds for connections that come later; the client reconnects by itself."""
    await call(service, "PUT", "/users/mei/groups/session%3A1?ttl=60")
    client = await JsClient.connect(service, "mei")
    [connection] = service.hubs["learning"].of_user("mei")
    connection.drop()
    assert (await client.next())["event"] == "reconnecting"
    assert (await client.next())["event"] == "reconnected"
    _, headers, _ = await call(service, "POST", "/groups/session%3A1/:send", NEWS)
    assert headers["X-Local-Delivered"] == "1"
    assert (await client.next())["event"] == "news"
    await client.stop()


async def test_a_client_that_is_closed_stays_away(service: Service) -> None:
    """A close message without `allowReconnect` ends the official client for good, with the reason."""
    client = await JsClient.connect(service, "mei")
    await call(service, "POST", "/users/mei/:closeConnections?reason=over")
    closed = await client.next()
    assert closed["event"] == "closed"
    assert "over" in closed["error"]
    await client.stop()


async def test_clients_come_back_when_the_service_restarts() -> None:
    """A close message with `allowReconnect` says that the service will be back."""
    [port] = free_ports(1)
    async with running_app() as (_, url):
        async with running_service(port, url) as service:
            client = await JsClient.connect(service, "mei")
        assert (await client.next())["event"] == "reconnecting"
        async with running_service(port, url) as service:
            assert (await client.next())["event"] == "reconnected"
            await client.stop()


@pytest.mark.parametrize("fault", ["hub", "expired", "garbage", "foreign"])
async def test_a_client_whose_token_does_not_hold_is_refused(service: Service, fault: str) -> None:
    """Audience, lifetime and signature are checked: 401."""
    token = {
        "hub": client_token(service.endpoint, "other", "mei", 5),
        "expired": client_token(service.endpoint, "learning", "mei", -5),
        "garbage": "a.b.c",
        "foreign": client_token("http://elsewhere:1", "learning", "mei", 5),
    }[fault]
    client = await JsClient.start(service, "mei", token=token)
    refused = await client.next()
    assert refused["event"] == "failed"
    assert "401" in refused["error"]
    await client.stop()


async def test_a_negotiated_connection_opens_once(service: Service, app: App) -> None:
    """Negotiation version 1: the connection token is for one use."""
    import aiohttp

    token = client_token(service.endpoint, "learning", "mei", 5)
    base = f"{service.endpoint}/client"
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(f"{base}/negotiate?hub=learning&negotiateVersion=1") as response:
            answer = await response.json()
        assert [each["transport"] for each in answer["availableTransports"]] == ["WebSockets"]
        where = f"{base}/?hub=learning&id={answer['connectionToken']}"
        async with http.ws_connect(where) as socket:
            await socket.send_str('{"protocol":"json","version":1}\x1e')
            assert await socket.receive_str() == "{}\x1e"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(where)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "handshake", ["{}", '{"protocol":"xml","version":1}', '{"protocol":"json","version":2}', "what"]
)
async def test_a_bad_handshake_is_answered_with_an_error(service: Service, handshake: str) -> None:
    """The answer to a handshake that fails has an `error`, and the connection closes."""
    import aiohttp

    headers = {"Authorization": f"Bearer {client_token(service.endpoint, 'learning', 'mei', 5)}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(f"{service.endpoint}/client/?hub=learning") as socket,
    ):
        await socket.send_str(handshake + "\x1e")
        assert (await socket.receive_str()).startswith('{"error":')
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
