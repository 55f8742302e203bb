"""One worker process of the host: the app loaded, its triggers listening, until told to stop."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web

from local.host.http import HttpTriggers, admin
from local.host.indexing import DURABLE, Function, HostOptions, functions
from local.host.invocation import Invoker
from local.host.signalr import Pushes, upstream
from local.host.timers import TimerTrigger, stopped
from local.host.worker import Worker
from local.paths import state_dir
from local.ports import HOST, Ports, answers

log = logging.getLogger("host")
Source = Callable[[asyncio.Event], Coroutine[Any, Any, None]]  # takes work until told to stop, then ends what it has
LOOK_UP = 0.2  # seconds between two looks whether what the host waits for is there
GRACE = 8.0  # seconds for what runs to finish; the stack kills after ten


async def run(folder: Path, stop: asyncio.Event, *, number: int | None, after: int | None) -> None:
    """Load the app in the folder and serve it until `stop`; as worker `number` of several, on a port that they share.

    Timers, messages and orchestrations wait until the port `after` answers: Azure's host does not start without
    storage either (learn.microsoft.com/azure/azure-functions/functions-recover-storage-account).

    Raises Refused for an app that cannot be served, OSError for a port that is taken.
    """
    worker, pushes = Worker(), Pushes(os.environ)
    try:
        options = HostOptions.load(folder)
        found = functions(worker.start(folder), os.environ)
        http, own, sources = _triggers(found, worker, pushes, options)
        port = Ports.from_environment().host
        runner = await http.listen(port, own, shared=number is not None)
        log.info("worker %d ready on http://%s:%d with %d functions", number or 0, HOST, port, len(found))
        await _until_stopped(runner, http, sources, stop, after)
    finally:
        await pushes.close()
        worker.stop()


def _triggers(
    found: list[Function], worker: Worker, pushes: Pushes, options: HostOptions
) -> tuple[HttpTriggers, dict[str, web.Application], list[Source]]:
    """What answers requests, the host's own applications by their folders, and what takes work."""

    def of(*kinds: str) -> list[Function]:
        return [each for each in found if each.kind in kinds]

    ports, client = Ports.from_environment(), ""
    origin, engine = f"http://{HOST}:{ports.host}", f"{HOST}:{ports.durable}"
    durable = any(each.kind in DURABLE or each.bound("durableClient") for each in found)
    if durable:
        from local.host import management, pump  # half a second, which other apps need not wait

        client = management.client_value(origin, engine, options.durable_task.hub_name)
    invoker = Invoker(worker, pushes.send, timeout=options.function_timeout, durable_client=client)
    own = {
        "/admin": admin(found, f"{origin}/{options.http.route_prefix}".rstrip("/")),
        "/runtime/webhooks/signalr": upstream(of("signalRTrigger"), invoker, os.environ),
    }
    sources: list[Source] = [TimerTrigger(each, invoker, state_dir() / "timers").run for each in of("timerTrigger")]
    if bus := of("serviceBusTrigger"):
        from local.host.servicebus import ServiceBusTrigger  # its SDK takes 200 ms

        sources += [ServiceBusTrigger(each, invoker, options.service_bus).run for each in bus]
    if durable:
        work = pump.DurablePump(of(*DURABLE), invoker, options.durable_task, engine)
        sources.append(work.run)
        own[management.ROOT] = management.Management(client, work.orchestrators).application()
    return HttpTriggers(of("httpTrigger"), invoker, options.http), own, sources


async def _until_stopped(
    runner: web.AppRunner, http: HttpTriggers, sources: list[Source], stop: asyncio.Event, after: int | None
) -> None:
    """Let everything work until `stop` or a failure; then take nothing new, and finish what runs."""

    async def held(source: Source) -> None:
        while after is not None and not await answers(after):
            if await stopped(stop, LOOK_UP):
                return
        await source(stop)

    listeners = [asyncio.create_task(held(source)) for source in sources]
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
