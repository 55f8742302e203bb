"""The official JavaScript client, `@microsoft/signalr`, in node and in a browser, as processes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from local.paths import PROJECT
from local.signalr.service import Service
from local.signalr.tokens import client_token

SCRIPTS = PROJECT / "tests/local/signalr/js"


class JsClient:
    """One connection in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.id = ""

    async def next(self, seconds: float = 30) -> dict[str, Any]:
        """What happened next."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        return dict(json.loads(line)) if line else {"event": "ended"}

    async def call(self, method: str, target: str, *arguments: Any) -> None:
        """`send`, `invoke` or `stream` a hub method."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"method": method, "target": target, "args": arguments}).encode() + b"\n")
        await self._process.stdin.drain()

    async def stop(self) -> None:
        """Disconnect and end, unless it has ended."""
        try:
            await asyncio.wait_for(self._process.communicate(), 10)  # closes its input, and reads to the end
        except TimeoutError:
            self._process.kill()
            await self._process.communicate()


class JsClients:
    """Clients of one service; `stop` ends those that are left."""

    def __init__(self, service: Service, *browser: str) -> None:
        """With the program of a `browser`, and the page for it, clients run there; else in node."""
        self._service = service
        self._command = [str(SCRIPTS / ("browse.js" if browser else "listen.js")), *browser]
        self._started: list[JsClient] = []

    async def start(self, user: str, protocol: str = "json", *, token: str | None = None, **options: Any) -> JsClient:
        """Start connecting; the first event says how it went. `options` are set on the connection."""
        endpoint = self._service.endpoint
        process = await asyncio.create_subprocess_exec(
            "node",
            *self._command,
            f"{endpoint}/client/?hub=learning",
            token or client_token(endpoint, "learning", user, 5),
            protocol,
            json.dumps(options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
        )
        self._started.append(JsClient(process))
        return self._started[-1]

    async def connect(self, user: str, protocol: str = "json", **options: Any) -> JsClient:
        """Connect, and fail where that is refused."""
        client = await self.start(user, protocol, **options)
        connected = await client.next()
        assert connected["event"] == "connected", connected
        client.id = connected["id"]
        return client

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(client.stop() for client in self._started))
