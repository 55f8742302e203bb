"""`python -m local.host`: the Functions host as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from local.host.app import run
from local.host.indexing import Refused
from local.host.worker import IndexingFailed
from local.paths import PROJECT
from local.ports import Ports
from local.settings_file import SettingsUnreadable, load

log = logging.getLogger("host")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="A local Azure Functions host for Python")
    parser.add_argument("--app", type=Path, default=PROJECT, metavar="DIR", help="the folder with function_app.py")
    return parser.parse_args()


async def _worker(folder: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(folder, stop)


def main() -> int:
    """Serve until SIGTERM or SIGINT. 1 for an app, setting or port that does not allow it."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)
    folder = options.app.resolve()
    try:
        load(folder, os.environ)
        os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        asyncio.run(_worker(folder))
    except (IndexingFailed, Refused, SettingsUnreadable) as error:
        log.error("%s", error)
    except OSError as error:
        log.error("cannot listen on port %d: %s", Ports.from_environment().host, error.strerror)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
