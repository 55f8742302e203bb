"""One worker process of the host: the app loaded, its triggers listening, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from local.host.admin import Admin, url
from local.host.http import HttpTriggers, application, listen
from local.host.indexing import DURABLE_TRIGGERS, Function, functions
from local.host.invocation import Invoker
from local.host.keys import FunctionKeys
from local.host.options import HostOptions
from local.host.routing import Routes
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
    admin = Admin(found, origin, options.route_prefix)
    if number == 0:
        for line in table(found, origin, options.route_prefix):
            log.info(line)
        for line in [*routes.shadowed(), *_vain_retries(found)]:
            log.warning(line)
    sources: list[Listener] = [*_service_bus(found, invoker, options)]
    timed = [function for function in found if function.kind == "timerTrigger"]
    sources += [TimerTrigger(function, invoker, state_dir() / "timers") for function in timed]
    upstream = Upstream([function for function in found if function.kind == "signalRTrigger"], invoker, os.environ)
    endpoints = [*admin.endpoints(), *upstream.endpoints()]
    if links:
        from local.host.management import Management
        from local.host.pump import DurablePump

        durable = [function for function in found if function.kind in DURABLE_TRIGGERS]
        pump = DurablePump(durable, invoker, options.durable, engine)
        management = Management(engine, links, pump.orchestrators)
        sources += [pump, management]
        endpoints += management.endpoints()
    runner = await listen(application(http.handle, endpoints), ports.host, shared=shared)
    listeners = [asyncio.create_task(source.run(stop)) for source in sources]
    log.info("worker %d ready on %s", number, origin)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *listeners], return_when=asyncio.FIRST_COMPLETED)
    stop.set()  # a listener that ended by itself has failed, and its exception surfaces below
    log.info("worker %d stops: no new work, %.0f s for what runs", number, GRACE)
    for site in list(runner.sites):
        await site.stop()
    try:
        async with asyncio.timeout(GRACE):
            await asyncio.gather(http.drain(), *listeners)
    except TimeoutError:
        log.warning("worker %d stops although functions still run", number)
    await runner.cleanup()
    await invoker.close()


def _durable_links(found: list[Function], options: HostOptions, origin: str) -> DurableLinks | None:
    """None for an app without Durable Functions, which needs no engine."""
    clients = (binding["type"] == "durableClient" for function in found for binding in function.inputs)
    if not any(clients) and not any(function.kind in DURABLE_TRIGGERS for function in found):
        return None
    from local.host.links import DurableLinks

    return DurableLinks(origin, options.durable.get("hubName", "TestHubName"))


def _service_bus(found: list[Function], invoker: Invoker, options: HostOptions) -> Iterator[Listener]:
    triggered = [function for function in found if function.kind == "serviceBusTrigger"]
    if triggered:  # the SDK takes 200 ms to import: only for apps that use it
        from local.host.servicebus import BusOptions, ServiceBusTrigger

        bus = BusOptions.of(options.service_bus)
        yield from (ServiceBusTrigger(function, invoker, bus, os.environ) for function in triggered)


def table(found: list[Function], origin: str, prefix: str) -> list[str]:
    """The functions with their triggers and URLs, a line each, as Core Tools print them."""
    lines = ["Functions:"]
    for function in found:
        address = url(function, origin, prefix)
        methods = ",".join(method.upper() for method in function.trigger.get("methods") or ()) or "any"
        lines.append(f"  {function.name}: " + (f"[{methods}] {address}" if address else _source(function.trigger)))
    return lines


def _vain_retries(found: list[Function]) -> list[str]:
    """Azure's runtime retries timers alone, of the triggers here (functions-bindings-error-pages#retry-policies)."""
    return [
        f"The retry policy of '{function.name}' has no effect: a {function.kind} has none in Azure"
        for function in found
        if function.retry and function.kind != "timerTrigger"
    ]


def _source(trigger: Mapping[str, object]) -> str:
    entity = trigger.get("queueName") or trigger.get("topicName")
    named = [entity, trigger.get("subscriptionName"), trigger.get("schedule"), trigger.get("event")]
    return " ".join([str(trigger["type"]), *(str(value) for value in named if value)])
