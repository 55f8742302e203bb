"""A subscriber's server: answers as it is told, and checks each delivery with the reference library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


class Subscriber:
    """`answers` are the statuses of the next requests; after them it answers 204."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.secret = ""
        self._more = asyncio.Condition()

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        event = Webhook(self.secret).verify(body, dict(request.headers))
        async with self._more:
            self.heard.append((request.headers["webhook-id"], event))
            self._more.notify_all()
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    async def wait(self, count: int, seconds: float = 60) -> None:
        """Until so many deliveries were heard."""
        async with asyncio.timeout(seconds), self._more:
            await self._more.wait_for(lambda: len(self.heard) >= count)


@asynccontextmanager
async def listening() -> AsyncIterator[Subscriber]:
    """A subscriber on a free port of this machine."""
    subscriber = Subscriber()
    app = web.Application()
    app.router.add_post("/hook", subscriber.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    subscriber.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield subscriber
    finally:
        await runner.cleanup()
