"""`python -m local.servicebus`: the local Service Bus as a process of its own."""

import argparse
import asyncio
import logging
import signal
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

from local.paths import PROJECT, state_dir
from local.ports import Ports
from local.servicebus.config import Namespace, load_config
from local.servicebus.server import serve

log = logging.getLogger("servicebus")


async def _run(namespace: Namespace, port: int) -> None:
    async with serve(namespace, state_dir() / "servicebus.sqlite3", port) as (server, chosen):
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.over.cancel)
        log.info("listening on sb://localhost:%d", chosen)
        with suppress(asyncio.CancelledError):
            await server.over


def main() -> int:
    """Serve until SIGTERM or SIGINT. 1 for a configuration, port or store that does not allow it."""
    parser = argparse.ArgumentParser(prog="python -m local.servicebus", description="A local Azure Service Bus")
    default = PROJECT / "local" / "servicebus.json"
    parser.add_argument("--config", type=Path, default=default, help="entities, in the format of Microsoft's emulator")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    port = Ports.from_environment().servicebus
    try:
        asyncio.run(_run(load_config(options.config), port))
    except (OSError, ValueError, sqlite3.Error) as error:
        log.error("cannot serve %s on port %d: %s", options.config, port, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
