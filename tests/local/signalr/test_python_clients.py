"""Other clients: `pysignalr`, and the app's own use of the data plane."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from pysignalr.client import SignalRClient
from pysignalr.protocol.json import JSONProtocol
from pysignalr.protocol.messagepack import MessagepackProtocol

from local.connections import SIGNALR_ACCESS_KEY
from local.signalr.service import Service
from shared_code.domain.errors import Unavailable
from shared_code.realtime.signalr import SignalRService, key_bearer
from tests.local.signalr.app import App
from tests.local.signalr.dataplane import NEWS, call
from tests.local.signalr.raw import connected


@pytest.mark.parametrize("protocol", [JSONProtocol, MessagepackProtocol])
async def test_pysignalr_connects_through_the_app_hears_and_speaks(
    app: App, service: Service, protocol: type[JSONProtocol] | type[MessagepackProtocol]
) -> None:
    """github.com/baking-bad/pysignalr: follows the app's redirect, skips the second negotiation."""
    app.lets_in(service, "mei")
    client = SignalRClient(f"{app.address}/realtime", protocol=protocol())
    opened, heard = asyncio.Event(), asyncio.Queue[Any]()

    async def on_open() -> None:
        opened.set()

    client.on_open(on_open)
    client.on("news", heard.put)
    running = asyncio.create_task(client.run())
    try:
        await asyncio.wait_for(opened.wait(), 30)
        await call(service, "POST", "/users/mei/:send", NEWS)
        assert await asyncio.wait_for(heard.get(), 30) == NEWS["arguments"]
        await client.send("note", [{"字": "你"}])
        events = await app.wait_for(2)
        assert [event.name for event in events] == ["connected", "note"]
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_the_app_lets_clients_in_groups_users_and_pushes(service: Service) -> None:
    """`shared_code.realtime.signalr`, as the app uses it."""
    app = SignalRService(service.endpoint, key_bearer(SIGNALR_ACCESS_KEY))
    try:
        assert await app.healthy()
        access = await app.client_access("mei")
        assert access.url == f"{service.endpoint}/client/?hub=learning"
        await app.join("mei", "session:1", 60)
        async with connected(service):
            assert (await call(service, "POST", "/groups/session%3A1/:send", NEWS)).delivered == 1
        await app.leave("mei", "session:1")
        assert (await call(service, "HEAD", "/users/mei/groups/session%3A1")).status == 404
    finally:
        await app.close()


async def test_the_app_hears_of_throttling_as_unavailability(service: Service) -> None:
    """A 429 is not swallowed."""
    app = SignalRService(service.endpoint, key_bearer(SIGNALR_ACCESS_KEY))
    try:
        service.switches = type(service.switches)(calls_per_second=1)
        with pytest.raises(Unavailable):
            for _ in range(5):
                await app.client_access("mei")
    finally:
        await app.close()
