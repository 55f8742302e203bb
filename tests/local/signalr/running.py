"""The service in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from local.ports import HOST
from local.signalr.__main__ import application
from local.signalr.service import SERVICE, Service, Switches


@asynccontextmanager
async def running_service(port: int, upstream: str, **switches: float) -> AsyncIterator[Service]:
    """A service on a port; events go to `upstream`."""
    app = await application(port, upstream)
    app[SERVICE].switches = Switches(**switches)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield app[SERVICE]
    finally:
        await runner.cleanup()
