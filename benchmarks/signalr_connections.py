"""1,000 official SignalR clients on the local service: how soon they are connected, and how soon a push is heard.

Three processes: the service, all clients in node, and this one, which sends by REST with a fresh token a call, as the
app does, and answers the service's events. Latency is from before the call to the client's handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from local.connections import SIGNALR_ACCESS_KEY
from local.paths import PROJECT
from local.ports import HOST
from local.signalr.tokens import client_token
from shared_code.realtime.signalr import key_bearer
from tests.ports import accepts, free_ports

CONNECTIONS = 1000
AT_A_TIME = 32
CONNECT_TARGET, SEND_TARGET = 200.0, 20.0  # ms, at the 95th percentile
ONE_BY_ONE, RATE, SECONDS, BROADCASTS = 500, 200, 10, 10
PADDING = "你好" * 30  # messages of about 200 bytes
LIMIT = 180  # seconds for everything


class Sender:
    """The app's side: pushes to users by REST."""

    def __init__(self, endpoint: str, http: aiohttp.ClientSession) -> None:
        self._base = f"{endpoint}/api/hubs/learning"
        self._http = http
        self._bearer = key_bearer(SIGNALR_ACCESS_KEY)

    async def send(self, path: str) -> None:
        """One push; it carries the time at which the call began."""
        body = {"target": "news", "arguments": [{"sent": time.monotonic_ns(), "text": PADDING}]}
        url = f"{self._base}{path}/:send?api-version=2022-06-01"
        headers = {"Authorization": f"Bearer {await self._bearer(url)}"}
        async with self._http.post(URL(url, encoded=True), json=body, headers=headers) as response:
            response.raise_for_status()

    async def send_at_a_rate(self, users: list[str]) -> None:
        """Push to these users, evenly at `RATE` a second whether or not earlier calls are answered."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as calls:
            for number, user in enumerate(users):
                await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
                calls.create_task(self.send(f"/users/{user}"))


class Clients:
    """All clients, in one node process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def connect(self, endpoint: str, users: list[str]) -> list[float]:
        """Connect as these users; how long each took, in ms."""
        tokens = [client_token(endpoint, "learning", user, 10) for user in users]
        url = f"{endpoint}/client/?hub=learning"
        return await self._ask({"url": url, "tokens": tokens, "atATime": AT_A_TIME})

    async def heard(self, count: int) -> list[float]:
        """Wait for so many pushes; how long each took, in ms. Those that are lost are missing."""
        return await self._ask({"heard": count})

    async def _ask(self, question: dict[str, Any]) -> list[float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        answer: list[float] = json.loads(await self._process.stdout.readline())
        return answer


@contextlib.asynccontextmanager
async def _process(*command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=PROJECT,
        env={**os.environ, **environment},
        limit=1 << 24,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def _app(port: int) -> AsyncIterator[None]:
    """An app that takes every event."""

    async def take(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/runtime/webhooks/signalr", take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield
    finally:
        await runner.cleanup()


def _row(what: str, took: list[float], expected: int, target: float | None = None) -> bool:
    """Print one line of the table; whether its 95th percentile holds the target and nothing was lost."""
    took.sort()
    p50, p95, p99 = (took[min(len(took) - 1, int(len(took) * share))] for share in (0.50, 0.95, 0.99))
    lost = f"  {expected - len(took)} lost" if len(took) < expected else ""
    goal = f"  p95 target {target:.0f}" if target else ""
    print(f"   {what:<34} {p50:7.1f} {p95:7.1f} {p99:7.1f} {lost}{goal}")
    return not lost and (target is None or p95 < target)


async def _measure() -> bool:
    service_port, app_port = free_ports(2)
    endpoint = f"http://{HOST}:{service_port}"
    users = [f"user{number}" for number in range(CONNECTIONS)]
    some = random.Random(1)
    with tempfile.TemporaryDirectory() as state:
        command = (sys.executable, "-m", "local.signalr")
        ports = {"LOCAL_PORT_SIGNALR": str(service_port), "LOCAL_PORT_HOST": str(app_port)}
        environment = {"LOCAL_STATE_DIR": state, **ports}
        async with (
            _app(app_port),
            _process(*command, **environment),
            _process("node", "benchmarks/js/signalr_clients.js") as node,
            aiohttp.ClientSession() as http,
        ):
            if not await asyncio.to_thread(accepts, service_port):
                raise RuntimeError("the service did not come up")
            clients, sender = Clients(node), Sender(endpoint, http)
            print(f"   {CONNECTIONS} connections; ms {'p50':>23} {'p95':>7} {'p99':>7}")
            took = await clients.connect(endpoint, users)
            held = [_row(f"connect, {AT_A_TIME} at a time", took, CONNECTIONS, CONNECT_TARGET)]
            for user in some.choices(users, k=ONE_BY_ONE):
                await sender.send(f"/users/{user}")
            held.append(_row("send to a user, one by one", await clients.heard(ONE_BY_ONE), ONE_BY_ONE, SEND_TARGET))
            count = RATE * SECONDS
            await sender.send_at_a_rate(some.choices(users, k=count))
            held.append(_row(f"send to users, {RATE}/s", await clients.heard(count), count, SEND_TARGET))
            heard: list[float] = []
            for _ in range(BROADCASTS):
                await sender.send("")
                heard += await clients.heard(CONNECTIONS)
            held.append(_row("broadcast, each receiver", heard, BROADCASTS * CONNECTIONS))
    return all(held)


async def _bounded() -> bool:
    async with asyncio.timeout(LIMIT):
        return await _measure()


def main() -> bool:
    """Print the table; whether the targets hold."""
    return asyncio.run(_bounded())
