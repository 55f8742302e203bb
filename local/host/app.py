"""One worker process of the host: the app loaded, its triggers listening, until told to stop."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web

from local.host.http import HttpTriggers, admin
from local.host.indexing import DURABLE, Function, HostOptions
from local.host.signalr import Pushes, upstream
from local.host.timers import TimerTrigger, stopped
from local.host.worker import Worker
from local.paths import state_dir
from local.ports import HOST, Ports, answers

log = logging.getLogger("host")
Source = Callable[[asyncio.Event], Coroutine[Any, Any, None]]  # takes work until told to stop, then ends what it has
LOOK_UP = 0.2  # seconds between two looks whether what the host waits for is there
DURABLE_API = "/runtime/webhooks/durabletask"
GRACE = 8.0  # seconds for what runs to finish; the stack kills after ten


async def run(folder: Path, stop: asyncio.Event, *, number: int | None, after: int | None) -> None:
    """Load the app in the folder and serve it until `stop`; as worker `number` of several, on a port that they share.

    Timers, messages and orchestrations wait until the port `after` answers: Azure's host does not start without
    storage either (learn.microsoft.com/azure/azure-functions/functions-recover-storage-account).

    Raises Refused for an app that cannot be served, OSError for a port that is taken.
    """
    options, ports, pushes = HostOptions.load(folder), Ports.from_environment(), Pushes(os.environ)
    client = _durable_client(ports, options.durable_task.hub_name)
    worker = Worker(pushes.send, timeout=options.function_timeout, durable_client=client)
    try:
        found = worker.start(folder)
        own, sources = _triggers(found, worker, client, options)
        own["/admin"] = admin(found, f"http://{HOST}:{ports.host}/{options.http.route_prefix}".rstrip("/"))
        http = HttpTriggers([each for each in found if each.kind == "httpTrigger"], worker, options.http)
        runner = await http.listen(ports.host, own, shared=number is not None)
        log.info("worker %d ready on http://%s:%d with %d functions", number or 0, HOST, ports.host, len(found))
        await _until_stopped(runner, http, sources, stop, after)
    finally:
        await pushes.close()
        worker.stop()


def _durable_client(ports: Ports, hub: str) -> str:
    """The value of a `durableClient` binding: JSON that names the engine and the management API."""
    base, query = f"http://{HOST}:{ports.host}{DURABLE_API}", f"taskHub={hub}&connection=Storage"
    names = {"taskHubName": hub, "connectionName": "Storage", "requiredQueryStringParameters": query}
    return json.dumps(names | {"baseUrl": base, "httpBaseUrl": base, "rpcBaseUrl": f"{HOST}:{ports.durable}"})


def _triggers(
    found: list[Function], worker: Worker, client: str, options: HostOptions
) -> tuple[dict[str, web.Application], list[Source]]:
    """Applications by their folders, and what takes work; what few apps need is imported for those alone."""

    def of(*kinds: str) -> list[Function]:
        return [each for each in found if each.kind in kinds]

    own = {"/runtime/webhooks/signalr": upstream(of("signalRTrigger"), worker, os.environ)}
    sources: list[Source] = [TimerTrigger(each, worker, state_dir() / "timers").run for each in of("timerTrigger")]
    if bus := of("serviceBusTrigger"):
        from local.host.servicebus import ServiceBusTrigger  # 200 ms

        sources += [ServiceBusTrigger(each, worker, options.service_bus).run for each in bus]
    if any(each.kind in DURABLE or each.bound("durableClient") for each in found):
        from local.host.management import Management  # half a second, with the next
        from local.host.pump import DurablePump

        pump = DurablePump(of(*DURABLE), worker, options.durable_task, f"{HOST}:{Ports.from_environment().durable}")
        sources.append(pump.run)
        own[DURABLE_API] = Management(client, pump.orchestrators).application()
    return own, sources


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
