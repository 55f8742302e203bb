"""One worker process of the host: the app loaded, its triggers listening, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from local.host import admin
from local.host.http import HttpTriggers, application, listen
from local.host.indexing import DURABLE, Function, functions
from local.host.invocation import Invoker
from local.host.keys import FunctionKeys
from local.host.options import HostOptions
from local.host.protos import TypedData
from local.host.routing import Routes
from local.host.timers import TimerTrigger
from local.host.upstream import Upstream
from local.host.worker import InvocationFailed, Worker
from local.paths import state_dir
from local.ports import HOST, Ports, answers

log = logging.getLogger("host")
Source = Callable[[asyncio.Event], Coroutine[Any, Any, None]]  # takes work until told to stop, then ends what it has
LOOK_UP = 0.2  # seconds between two looks whether what the host waits for is there
GRACE = 8.0  # seconds for what runs to finish; the stack kills after ten


async def run(
    folder: Path, stop: asyncio.Event, *, number: int = 0, shared: bool = False, after: int | None = None
) -> None:
    """Load the app in the folder and serve it until `stop`. Worker 0 alone prints the table of functions.

    Timers, messages and orchestrations wait until the port `after` answers: Azure's host does not start without
    storage either (learn.microsoft.com/azure/azure-functions/functions-recover-storage-account).

    Raises IndexingFailed and Refused for an app that cannot be served, OSError for a port that is taken.
    """
    worker = Worker()
    try:
        options = HostOptions.load(folder)
        found = functions(worker.start(folder), os.environ)
        await _serve(worker, found, options, stop, number, shared, after)
    finally:
        worker.stop()


async def _serve(
    worker: Worker,
    found: list[Function],
    options: HostOptions,
    stop: asyncio.Event,
    number: int,
    shared: bool,
    after: int | None,
) -> None:
    ports = Ports.from_environment()
    origin, engine = f"http://{HOST}:{ports.host}", f"{HOST}:{ports.durable}"
    links = None
    if any(each.kind in DURABLE or any(b["type"] == "durableClient" for b in each.inputs) for each in found):
        from local.host.management import DurableLinks, Management
        from local.host.pump import DurablePump

        links = DurableLinks(origin, options.durable.get("hubName", "TestHubName"))
    client = links.client(engine) if links else ""
    invoker = Invoker(worker, os.environ, timeout=options.function_timeout, durable_client=client)

    def of(*kinds: str) -> list[Function]:
        return [each for each in found if each.kind in kinds]

    routes = Routes(found, options.route_prefix)
    http = HttpTriggers(invoker, routes, FunctionKeys(state_dir()), options.http)
    timers = {each.name: TimerTrigger(each, invoker, state_dir() / "timers") for each in of("timerTrigger")}
    sources: list[Source] = [timer.run for timer in timers.values()]
    if of("serviceBusTrigger"):
        from local.host.servicebus import ServiceBusTrigger  # its SDK takes 200 ms

        bus = (ServiceBusTrigger(each, invoker, options.service_bus, os.environ) for each in of("serviceBusTrigger"))
        sources += [trigger.run for trigger in bus]
    base = "/".join(filter(None, (origin, options.route_prefix)))
    by_hand = {name: timer.by_hand for name, timer in timers.items()}
    endpoints = [
        *admin.endpoints(found, base, by_hand),
        *Upstream(of("signalRTrigger"), invoker, os.environ).endpoints(),
    ]
    if links:
        pump = DurablePump(of(*DURABLE), invoker, options.durable, engine)
        sources.append(pump.run)
        endpoints += Management(pump.channel, links, pump.orchestrators).endpoints()
    if number == 0:
        for line in admin.table(found, base):
            log.info(line)
        for line in [*options.unheeded, *routes.shadowed(), *_vain_retries(found)]:
            log.warning(line)
    for each in of("warmupTrigger"):
        with suppress(InvocationFailed):  # it is in the log, and functions work without it
            await invoker.run(each, TypedData(json="{}"))
    runner = await listen(application(http.handle, endpoints), ports.host, shared=shared)
    log.info("worker %d ready on %s", number, origin)
    await _until_stopped(runner, http, [partial(_held, source, after) for source in sources], stop)
    await invoker.close()


async def _held(source: Source, after: int | None, stop: asyncio.Event) -> None:
    """Let the source work, not before the port `after` answers."""
    while after is not None and not await answers(after):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_UP)
            return
    await source(stop)


async def _until_stopped(runner: web.AppRunner, http: HttpTriggers, sources: list[Source], stop: asyncio.Event) -> None:
    """Let everything work until `stop` or a failure; then take nothing new, and finish what runs."""
    listeners = [asyncio.create_task(source(stop)) for source in sources]
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


def _vain_retries(found: list[Function]) -> list[str]:
    """Azure's runtime retries timers alone, of the triggers here (functions-bindings-error-pages#retry-policies)."""
    return [
        f"The retry policy of '{function.name}' has no effect: a {function.kind} has none in Azure"
        for function in found
        if function.retry and function.kind != "timerTrigger"
    ]
