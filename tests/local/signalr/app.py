"""An app behind the service: it hears events, negotiates for clients that ask it first, and has a page for browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.paths import PROJECT
from local.signalr.service import Service
from local.signalr.tokens import client_token
from tests.ports import free_ports

PAGE = """<!doctype html><meta charset="utf-8"><title>A client</title><link rel="icon" href="data:,">
<script src="/modules/signalr/dist/browser/signalr.js"></script>
<script src="/modules/signalr-protocol-msgpack/dist/browser/signalr-protocol-msgpack.js"></script>
<script src="/js/client.js"></script>"""


@dataclass(frozen=True)
class Event:
    """What the service posted. Header names are in lower case."""

    path: str
    category: str
    name: str
    headers: dict[str, str]
    body: bytes


class App:
    """It keeps the events and answers them with `status` and `body` after `pause` seconds."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.events: list[Event] = []
        self.status = 204
        self.body = b""
        self.pause = 0.0
        self.meanwhile: Callable[[Event], Awaitable[Any]] | None = None

    async def receive(self, request: web.Request) -> web.Response:
        """One event."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        event = Event(request.path, headers["x-asrs-category"], headers["x-asrs-event"], headers, await request.read())
        if self.meanwhile is not None:
            await self.meanwhile(event)
        await asyncio.sleep(self.pause)
        self.events.append(event)
        return web.Response(status=self.status, body=self.body)

    async def wait_for(self, count: int) -> list[Event]:
        """Wait until so many events have come."""
        async with asyncio.timeout(30):
            while len(self.events) < count:
                await asyncio.sleep(0.02)
        return self.events

    def lets_in(self, service: Service, user: str) -> None:
        """Let `negotiate` answer with what this user needs for the hub `learning`."""
        token = client_token(service.endpoint, "learning", user, 5)
        self.access = {"url": f"{service.endpoint}/client/?hub=learning", "accessToken": token}

    async def negotiate(self, _request: web.Request) -> web.Response:
        """The redirect that SignalR clients follow."""
        return web.json_response(self.access)

    async def page(self, _request: web.Request) -> web.Response:
        """A page with the official client; it has an origin of its own."""
        return web.Response(text=PAGE, content_type="text/html")


@asynccontextmanager
async def running_app() -> AsyncIterator[App]:
    """An app; its events come at any path below `/events`."""
    [port] = free_ports(1)
    app = App(port)
    application = web.Application()
    application.router.add_post("/events{rest:.*}", app.receive)
    application.router.add_post("/realtime/negotiate", app.negotiate)
    application.router.add_get("/page", app.page)
    application.router.add_static("/modules", PROJECT / "node_modules/@microsoft")
    application.router.add_static("/js", PROJECT / "tests/local/signalr/js")
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield app
    finally:
        await runner.cleanup()
