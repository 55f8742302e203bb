"""A broker in a thread of its own, so that blocking clients can be tested too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from local.connections import connection_settings
from local.ports import Ports
from local.servicebus.config import load_config
from local.servicebus.server import serve


def connection_string(port: int) -> str:
    """What any Azure SDK needs to reach the broker on that port."""
    return connection_settings(Ports(servicebus=port))["ServiceBusConnection"]


@contextmanager
def broker_thread(configuration: bytes, store: Path, *, busy: int = 0) -> Iterator[int]:
    """The port of a broker that runs until the block ends."""
    port: Future[int] = Future()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def run() -> None:
        async with serve(load_config(configuration), store, 0, busy) as (_, chosen):
            port.set_result(chosen)
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        yield port.result(timeout=10)
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
