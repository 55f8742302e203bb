"""The official client in a browser: a page of another origin, with the browser's own WebSockets and rules."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest

from local.signalr.service import Service
from tests.local.signalr.app import App
from tests.local.signalr.dataplane import NEWS, call
from tests.local.signalr.javascript import JsClients


@pytest.fixture
async def browsers(app: App, service: Service) -> AsyncIterator[JsClients]:
    """Clients in headless Chromium. Where it is not installed the tests are skipped, but in CI, which installs it."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI must install chromium")
        pytest.skip("chromium is not installed")
    clients = JsClients(service, program, f"{app.address}/page")
    yield clients
    await clients.stop()


@pytest.mark.parametrize("protocol", ["json", "messagepack"])
async def test_a_page_hears_speaks_and_comes_back_after_a_broken_line(
    app: App, service: Service, browsers: JsClients, protocol: str
) -> None:
    """CORS with credentials, the token in the query, pushes, `send`, `invoke`, automatic reconnect.

    learn.microsoft.com/aspnet/core/signalr/javascript-client; TransportProtocols.md of github.com/dotnet/aspnetcore.
    """
    page = await browsers.connect("mei", protocol)
    await call(service, "POST", "/users/mei/:send", NEWS)
    assert await page.next() == {"event": "news", "args": NEWS["arguments"]}
    for method in ("send", "invoke"):
        await page.call(method, "note", {"字": "你"})
        assert await page.next() == {"event": "sent", "target": "note"}
    assert [event.name for event in await app.wait_for(3)] == ["connected", "note", "note"]
    assert "access_token" not in app.events[0].headers["x-asrs-client-query"]

    await call(service, "PUT", "/users/mei/groups/session%3A1?ttl=60")
    [connection] = service.reached("learning", {"users": "mei"})
    connection.transport.abort()
    assert [(await page.next())["event"] for _ in range(2)] == ["reconnecting", "reconnected"]
    await call(service, "POST", "/groups/session%3A1/:send", NEWS)
    assert (await page.next())["event"] == "news"
    await call(service, "POST", "/users/mei/:closeConnections?reason=over")
    assert "over" in (await page.next())["error"]


async def test_a_page_with_a_wrong_token_is_told_so(browsers: JsClients) -> None:
    """A 401 at the negotiation, which a page may read: errors carry the CORS headers too."""
    page = await browsers.start("mei", token="none")
    refused = await page.next()
    assert refused["event"] == "failed"
    assert "401" in refused["error"]
