"""Several worker processes that share the triggers, as scaled-out instances do, and restarts when the app changes.

HTTP is shared through the port, Service Bus and Durable work through competing receivers, timers through a file lock.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from local.stack.child import child

log = logging.getLogger("host")
WORKER = "LOCAL_HOST_WORKER"  # a worker's number, in its environment
GRACE = 9.5  # seconds; the stack kills its parts after ten
LOOK_UP = 0.5  # seconds between two looks at the app's files
SKIPPED = {"node_modules", "tests", "web", "__pycache__"}


async def supervise(arguments: list[str], count: int, folder: Path | None, stop: asyncio.Event) -> int:
    """Keep so many workers running until `stop`; with a folder, start them anew when a file in it changes.

    A worker that gives up ends them all, with its code: the app cannot be served as it is.
    """
    stopping = asyncio.create_task(stop.wait())
    while True:
        end = asyncio.Event()
        workers = [asyncio.create_task(_keep(arguments, number, end)) for number in range(count)]
        changed = asyncio.create_task(_changed(folder))
        await asyncio.wait([*workers, stopping, changed], return_when=asyncio.FIRST_COMPLETED)
        end.set()
        code = max(await asyncio.gather(*workers))
        if code and folder is not None:
            log.info("waiting for a change of the app")
            await asyncio.wait([stopping, changed], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set() or not changed.done():
            changed.cancel()
            return 0 if stop.is_set() else code
        log.info("the app has changed: starting anew")


async def _keep(arguments: list[str], number: int, end: asyncio.Event) -> int:
    """Run one worker until `end`, again whenever it is killed; the code with which it gave up, 0 if it did not."""
    ending = asyncio.create_task(end.wait())
    command = (sys.executable, "-m", "local.host", *arguments)
    while True:
        async with child(*command, grace=GRACE, env={**os.environ, WORKER: str(number)}) as process:
            exiting = asyncio.create_task(process.wait())
            await asyncio.wait([exiting, ending], return_when=asyncio.FIRST_COMPLETED)
        code = await exiting
        if end.is_set():
            return max(code, 0)
        if code >= 0:
            return code or 1
        log.warning("worker %d was killed by signal %d: starting it again", number, -code)


async def _changed(folder: Path | None) -> None:
    if folder is None:
        await asyncio.Event().wait()
        return
    before = dict(_files(folder))
    while dict(_files(folder)) == before:
        await asyncio.sleep(LOOK_UP)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Files that make the app what it is, with their times of change."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED and not entry.name.startswith("."):
                yield from _files(Path(entry.path))
        elif entry.name.endswith((".py", ".json")):
            yield entry.path, entry.stat().st_mtime_ns


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT set the event."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
