"""`python -m local.host`: the Functions host as a process of its own, or several that share the triggers.

They share HTTP by the port, Service Bus and Durable work as competing receivers, timers by a file lock.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from local.host.app import run
from local.host.indexing import Refused
from local.paths import PROJECT
from local.ports import Ports, is_free
from local.settings_file import SettingsUnreadable, load
from local.stack.child import child

log = logging.getLogger("host")
WORKER = "LOCAL_HOST_WORKER"  # a worker's number, in its environment
GRACE = 9.5  # seconds; the stack kills its parts after ten
LOOK_UP = 0.5  # seconds between two looks at the app's files
SKIPPED = {"node_modules", "tests", "web", "__pycache__"}


async def _serve(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    number = os.environ.pop(WORKER, None)
    if number is None and (options.watch or options.workers > 1):
        if not is_free(Ports.from_environment().host):
            raise OSError("it is taken")
        return await _supervise(options.workers, options.app if options.watch else None, stop)
    await run(options.app, stop, number=int(number) if number else None, after=options.after)
    return 0


def main() -> int:
    """Serve until SIGTERM or SIGINT. 1 for an app, setting or port that does not allow it."""
    parser = argparse.ArgumentParser("python -m local.host", description="A local Azure Functions host for Python.")
    parser.add_argument("--app", type=Path, default=PROJECT, metavar="DIR", help="the folder with function_app.py")
    parser.add_argument("--watch", action="store_true", help="start anew when a file of the app changes")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="so many processes share the triggers")
    parser.add_argument("--after", type=int, metavar="PORT", help="only HTTP until this port of this machine answers")
    options = parser.parse_args()
    options.app = options.app.resolve()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.DEBUG)
    logging.getLogger("azure").setLevel(logging.WARNING)
    try:
        load(options.app, os.environ)
        os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        return asyncio.run(_serve(options))
    except (Refused, SettingsUnreadable) as error:
        log.error("%s", error)
    except OSError as error:
        log.error("cannot listen on port %d: %s", Ports.from_environment().host, error.strerror or error)
    return 1


async def _supervise(count: int, folder: Path | None, stop: asyncio.Event) -> int:
    """Keep so many workers running until `stop`; with a folder, start them anew when a file in it changes.

    A worker that gives up ends them all, and this with code 1: the app cannot be served as it is.
    """
    stopping = asyncio.create_task(stop.wait())
    while True:
        workers = [asyncio.create_task(_keep(number)) for number in range(count)]
        changed = asyncio.create_task(_changed(folder) if folder else asyncio.sleep(float("inf")))
        await asyncio.wait([*workers, stopping, changed], return_when=asyncio.FIRST_COMPLETED)
        gave_up = any(worker.done() for worker in workers)
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)
        if gave_up and folder:
            log.info("waiting for a change of the app")
            await asyncio.wait([stopping, changed], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set() or not changed.done():
            return int(not stop.is_set())
        log.info("the app has changed: starting anew")


async def _keep(number: int) -> None:
    """Run one worker until cancelled or until it gives up, again whenever it is killed."""
    while True:
        command = (sys.executable, "-m", "local.host", *sys.argv[1:])
        async with child(*command, grace=GRACE, env={**os.environ, WORKER: str(number)}) as process:
            code = await process.wait()
        if code >= 0:
            return
        log.warning("worker %d was killed by signal %d: starting it again", number, -code)


async def _changed(folder: Path) -> None:
    before = _times(folder)
    while _times(folder) == before:
        await asyncio.sleep(LOOK_UP)


def _times(folder: Path) -> dict[Path, float]:
    """When the files that make the app what it is were changed."""
    times: dict[Path, float] = {}
    for here, folders, names in folder.walk():
        folders[:] = [each for each in folders if each not in SKIPPED and not each.startswith(".")]
        files = [here / name for name in names if name.endswith((".py", ".json"))]
        times |= {each: each.stat().st_mtime for each in files}
    return times


if __name__ == "__main__":
    sys.exit(main())
