"""The official client, unmodified (github.com/dotnet/aspnetcore: HubProtocol.md, TransportProtocols.md)."""

from __future__ import annotations

import pytest

from local.signalr.service import Service
from tests.local.signalr.app import App
from tests.local.signalr.dataplane import NEWS, call
from tests.local.signalr.javascript import JsClients
from tests.local.signalr.running import running_service
from tests.ports import free_ports

LONG_POLLING = 4  # HttpTransportType.LongPolling of the client


@pytest.mark.parametrize("protocol", ["json", "messagepack"])
async def test_a_push_reaches_the_client_in_its_protocol(service: Service, js: JsClients, protocol: str) -> None:
    """Invocations without an id (HubProtocol.md, "Invocation"): JSON in text frames, MessagePack in binary ones."""
    client = await js.connect("mei", protocol)
    sent = await call(service, "POST", "/users/mei/:send", NEWS)
    assert (sent.status, sent.delivered) == (202, 1)
    assert await client.next() == {"event": "news", "args": NEWS["arguments"]}


async def test_every_device_of_a_user_hears_and_excluded_ones_do_not(service: Service, js: JsClients) -> None:
    """A user has several connections; `excluded` leaves some out (data plane 2022-06-01)."""
    phone, laptop = await js.connect("mei"), await js.connect("mei", "messagepack")
    await call(service, "POST", "/users/mei/:send", NEWS)
    assert (await phone.next())["event"] == (await laptop.next())["event"] == "news"
    assert (await call(service, "POST", f"/:send?excluded={phone.id}&excluded=gone", NEWS)).delivered == 1
    assert (await laptop.next())["event"] == "news"


async def test_a_users_group_survives_a_dropped_connection(service: Service, js: JsClients) -> None:
    """Membership that is the user's holds for connections that come later; the client reconnects by itself."""
    await call(service, "PUT", "/users/mei/groups/session%3A1?ttl=60")
    client = await js.connect("mei")
    [connection] = service.reached("learning", {"users": "mei"})
    connection.transport.abort()
    assert (await client.next())["event"] == "reconnecting"
    assert (await client.next())["event"] == "reconnected"
    assert (await call(service, "POST", "/groups/session%3A1/:send", NEWS)).delivered == 1
    assert (await client.next())["event"] == "news"


async def test_a_client_that_is_closed_stays_away(service: Service, js: JsClients) -> None:
    """A close message without `allowReconnect` ends the client for good, with the reason (HubProtocol.md, "Close")."""
    client = await js.connect("mei")
    assert (await call(service, "POST", "/users/mei/:closeConnections?reason=over")).status == 204
    closed = await client.next()
    assert closed["event"] == "closed"
    assert "over" in closed["error"]


async def test_clients_come_back_when_the_service_restarts(app: App) -> None:
    """A close message with `allowReconnect` says that the service will be back."""
    [port] = free_ports(1)
    async with running_service(port, f"{app.address}/events") as service:
        clients = JsClients(service)
        client = await clients.connect("mei")
    assert (await client.next())["event"] == "reconnecting"
    async with running_service(port, f"{app.address}/events"):
        assert (await client.next())["event"] == "reconnected"
        await clients.stop()


@pytest.mark.parametrize("protocol", ["json", "messagepack"])
async def test_an_invocation_that_the_app_took_ends_without_a_result(app: App, js: JsClients, protocol: str) -> None:
    """A completion without result (HubProtocol.md, "Completion"): serverless Python functions cannot return one."""
    client = await js.connect("mei", protocol)
    await client.call("invoke", "note", 1)
    assert await client.next() == {"event": "sent", "target": "note"}
    assert [event.name for event in app.events] == ["connected", "note"]


@pytest.mark.parametrize("protocol", ["json", "messagepack"])
async def test_a_stream_is_refused(js: JsClients, protocol: str) -> None:
    """Not supported in serverless mode (learn.microsoft.com/azure/azure-signalr/concept-service-mode)."""
    client = await js.connect("mei", protocol)
    await client.call("stream", "count", 10)
    refused = await client.next()
    assert refused["event"] == "error"
    assert "not supported in serverless mode" in refused["error"]


async def test_a_client_without_websockets_is_refused(js: JsClients) -> None:
    """The negotiation offers WebSockets alone."""
    client = await js.start("mei", transport=LONG_POLLING)
    refused = await client.next()
    assert refused["event"] == "failed"
    assert "WebSockets" in refused["error"]


async def test_pings_keep_a_quiet_connection(app: App) -> None:
    """Both sides ping (HubProtocol.md, "Ping"), and both give up on a silent line: here both patiences are short."""
    async with running_service(free_ports(1)[0], f"{app.address}/events", ping=0.3, silence=1.2) as service:
        clients = JsClients(service)
        client = await clients.connect("mei", serverTimeoutInMilliseconds=1200, keepAliveIntervalInMilliseconds=300)
        with pytest.raises(TimeoutError):
            await client.next(2.5)
        await clients.stop()
