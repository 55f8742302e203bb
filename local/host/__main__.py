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
from local.host.processes import WORKER, supervise
from local.paths import PROJECT
from local.ports import Ports, is_free
from local.settings_file import SettingsUnreadable, load

log = logging.getLogger("host")


async def _serve(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    number = os.environ.pop(WORKER, None)
    if number is None and (options.watch or options.workers > 1):
        if not is_free(Ports.from_environment().host):
            raise OSError("it is taken")
        return await supervise(options.workers, options.app if options.watch else None, stop)
    await run(options.app, stop, number=int(number) if number else None, after=options.after)
    return 0


def main() -> int:
    """Serve until SIGTERM or SIGINT. 1 for an app, setting or port that does not allow it."""
    parser = argparse.ArgumentParser(
        prog="python -m local.host",
        description="A local Azure Functions host for Python. LOCAL_PORT_HOST is its port.",
    )
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


if __name__ == "__main__":
    sys.exit(main())
