"""One worker process of the host: the app loaded, its triggers listening, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from local.host.admin import Admin
from local.host.http import HttpTriggers, application, listen
from local.host.indexing import DURABLE_TRIGGERS, Function, functions
from local.host.invocation import Invoker
from local.host.keys import FunctionKeys
from local.host.options import HostOptions
from local.host.routing import Routes
from local.host.table import table, vain_retries
from local.host.timers import TimerTrigger
from local.host.upstream import Upstream
from local.host.worker import Worker
from local.paths import state_dir
from local.ports import HOST, Ports

if TYPE_CHECKING:
    from local.host.links import DurableLinks

log = logging.getLogger("host")
GRACE = 8.0  # seconds for what runs to finish; the stack kills after ten


class Listener(Protocol):
    """A trigger's source of work."""

    async def run(self, stop: asyncio.Event) -> None:
        """Take work until `stop`, finish what is held, give the rest back."""


async def run(folder: Path, stop: asyncio.Event, *, number: int = 0, shared: bool = False) -> None:
    """Load the app in the folder and serve it until `stop`. Worker 0 alone prints the table of functions.

    Raises IndexingFailed and Refused for an app that cannot be served, OSError for a port that is taken.
    """
    worker = Worker()
    try:
        options = HostOptions.load(folder)
        found = functions(worker.start(folder), os.environ)
        await _serve(worker, found, options, stop, number, shared)
    finally:
        worker.stop()


async def _serve(
    worker: Worker, found: list[Function], options: HostOptions, stop: asyncio.Event, number: int, shared: bool
) -> None:
    ports = Ports.from_environment()
    origin = f"http://{HOST}:{ports.host}"
    engine = f"{HOST}:{ports.durable}"
    links = _durable_links(found, options, origin)
    client = links.client(engine) if links else ""
    invoker = Invoker(worker, os.environ, timeout=options.function_timeout, durable_client=client)
    routes = Routes(found, options.route_prefix)
    http = HttpTriggers(invoker, routes, FunctionKeys(state_dir()))
    sources = _sources(found, invoker, options)
    endpoints = [
        *Admin(found, origin, options.route_prefix).endpoints(),
        *Upstream(_of(found, "signalRTrigger"), invoker, os.environ).endpoints(),
    ]
    if links:
        from local.host.management import Management
        from local.host.pump import DurablePump

        pump = DurablePump(_of(found, *DURABLE_TRIGGERS), invoker, options.durable, engine)
        management = Management(engine, links, pump.orchestrators)
        sources += [pump, management]
        endpoints += management.endpoints()
    if number == 0:
        for line in table(found, origin, options.route_prefix):
            log.info(line)
        for line in [*routes.shadowed(), *vain_retries(found)]:
            log.warning(line)
    runner = await listen(application(http.handle, endpoints), ports.host, shared=shared)
    log.info("worker %d ready on %s", number, origin)
    await _until_stopped(runner, http, sources, stop)
    await invoker.close()


async def _until_stopped(
    runner: web.AppRunner, http: HttpTriggers, sources: list[Listener], stop: asyncio.Event
) -> None:
    """Let everything work until `stop` or a failure; then take nothing new, and finish what runs."""
    listeners = [asyncio.create_task(source.run(stop)) for source in sources]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *listeners], return_when=asyncio.FIRST_COMPLETED)
    stop.set()  # a listener that ended by itself has failed, and its exception surfaces below
    log.info("stopping: nothing new is taken, %.0f s for what runs", GRACE)
    for site in list(runner.sites):
        await site.stop()
    try:
        async with asyncio.timeout(GRACE):
            await asyncio.gather(http.drain(), *listeners)
    except TimeoutError:
        log.warning("stopped although functions still run")
    await runner.cleanup()


def _of(found: list[Function], *kinds: str) -> list[Function]:
    return [function for function in found if function.kind in kinds]


def _sources(found: list[Function], invoker: Invoker, options: HostOptions) -> list[Listener]:
    """Timers, and the bus where a function uses it: its SDK takes 200 ms to import."""
    timers = state_dir() / "timers"
    sources: list[Listener] = [TimerTrigger(function, invoker, timers) for function in _of(found, "timerTrigger")]
    if triggered := _of(found, "serviceBusTrigger"):
        from local.host.servicebus import ServiceBusTrigger

        sources += [ServiceBusTrigger(each, invoker, options.service_bus, os.environ) for each in triggered]
    return sources


def _durable_links(found: list[Function], options: HostOptions, origin: str) -> DurableLinks | None:
    """None for an app without Durable Functions, which needs no engine."""
    clients = (binding["type"] == "durableClient" for function in found for binding in function.inputs)
    if not any(clients) and not any(function.kind in DURABLE_TRIGGERS for function in found):
        return None
    from local.host.links import DurableLinks

    return DurableLinks(origin, options.durable.get("hubName", "TestHubName"))
