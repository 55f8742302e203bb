"""`python -m local.host`: the Functions host as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import sys
from pathlib import Path

from local.host.app import run
from local.host.indexing import Refused
from local.host.processes import WORKER, end_with_parent, stop_on_signals, supervise
from local.host.worker import IndexingFailed
from local.paths import PROJECT
from local.ports import Ports
from local.settings_file import SettingsUnreadable, load
from local.stack.probe import is_free

log = logging.getLogger("host")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.host",
        description="A local Azure Functions host for Python. LOCAL_PORT_HOST is its port.",
    )
    parser.add_argument("--app", type=Path, default=PROJECT, metavar="DIR", help="the folder with function_app.py")
    parser.add_argument("--watch", action="store_true", help="start anew when a file of the app changes")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="so many processes share the triggers")
    return parser.parse_args()


async def _work(folder: Path, number: str | None) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    if number is not None:
        end_with_parent(stop)
    await run(folder, stop, number=int(number or 0), shared=number is not None)
    return 0


async def _supervise(folder: Path, options: argparse.Namespace, port: int) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    if not is_free(port):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    return await supervise(["--app", str(folder)], options.workers, folder if options.watch else None, stop)


def main() -> int:
    """Serve until SIGTERM or SIGINT. 1 for an app, setting or port that does not allow it."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)
    folder = options.app.resolve()
    number = os.environ.pop(WORKER, None)
    port = Ports.from_environment().host
    try:
        load(folder, os.environ)
        os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        if number is None and (options.watch or options.workers > 1):
            return asyncio.run(_supervise(folder, options, port))
        return asyncio.run(_work(folder, number))
    except (IndexingFailed, Refused, SettingsUnreadable) as error:
        log.error("%s", error)
    except OSError as error:
        log.error("cannot listen on port %d: %s", port, error.strerror)
    return 1


if __name__ == "__main__":
    sys.exit(main())
