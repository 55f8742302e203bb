"""The official JavaScript client as a process, the data plane as the app calls it, and an app to receive events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
import jwt
from aiohttp import web
from yarl import URL

from local.keys import SIGNALR_ACCESS_KEY
from local.paths import PROJECT
from local.signalr.service import Service
from local.signalr.tokens import client_token
from tests.ports import free_ports


class JsClient:
    """One `@microsoft/signalr` connection in node."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.id = ""

    @classmethod
    async def start(cls, service: Service, user: str, protocol: str = "json", *, token: str | None = None) -> Self:
        """Start connecting; the first event says how it went."""
        process = await asyncio.create_subprocess_exec(
            "node",
            str(PROJECT / "tests/local/signalr/js/listen.js"),
            f"{service.endpoint}/client/?hub=learning",
            token or client_token(service.endpoint, "learning", user, 5),
            protocol,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
        )
        return cls(process)

    @classmethod
    async def connect(cls, service: Service, user: str, protocol: str = "json") -> Self:
        """Connect, and fail where that is refused."""
        client = await cls.start(service, user, protocol)
        connected = await client.next()
        assert connected["event"] == "connected", connected
        client.id = connected["id"]
        return client

    async def next(self, seconds: float = 20) -> dict[str, Any]:
        """The next event."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        return dict(json.loads(line)) if line else {"event": "ended"}

    async def call(self, method: str, target: str, *arguments: Any) -> None:
        """`send` or `invoke` a hub method."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"method": method, "target": target, "args": arguments}).encode() + b"\n")
        await self._process.stdin.drain()

    async def stop(self) -> None:
        """Disconnect and end."""
        try:
            await asyncio.wait_for(self._process.communicate(), 10)  # closes its input, and reads to the end
        except TimeoutError:
            self._process.kill()
            await self._process.communicate()


def bearer(url: str, *, key: str = SIGNALR_ACCESS_KEY, algorithm: str = "HS256", **claims: Any) -> dict[str, str]:
    """The header of a data-plane call; claims replace the right ones, None leaves one out."""
    given = {"aud": url, "exp": int(time.time()) + 60, **claims}
    token = jwt.encode(
        {name: value for name, value in given.items() if value is not None},
        key if algorithm != "none" else "",
        algorithm=algorithm,
    )
    return {"Authorization": f"Bearer {token}"}


async def call(
    service: Service, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """One data-plane call below the hub; status, headers, text."""
    separator = "&" if "?" in path else "?"
    url = f"{service.endpoint}/api/hubs/learning{path}{separator}api-version=2022-06-01"
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, URL(url, encoded=True), json=body, headers=headers or bearer(url)) as response,
    ):
        return response.status, dict(response.headers), await response.text()


class App:
    """What stands behind the upstream URL: it keeps the events and answers with `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.events: list[tuple[str, str, dict[str, str], bytes]] = []
        self.pause = 0.0

    async def receive(self, request: web.Request) -> web.Response:
        """One event."""
        body = await request.read()
        await asyncio.sleep(self.pause)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.events.append((headers["x-asrs-category"], headers["x-asrs-event"], headers, body))
        return web.Response(status=self.status)

    async def wait_for(self, count: int) -> None:
        """Wait until so many events have come."""
        async with asyncio.timeout(20):
            while len(self.events) < count:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running_app() -> AsyncIterator[tuple[App, str]]:
    """An app and the URL of its events."""
    app, [port] = App(), free_ports(1)
    application = web.Application()
    application.router.add_post("/events", app.receive)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield app, f"http://127.0.0.1:{port}/events"
    finally:
        await runner.cleanup()
