"""`python -m local.servicebus`: the local Service Bus as a process of its own."""

import argparse
import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path

from local import process
from local.paths import PROJECT, state_dir
from local.servicebus.config import load_config
from local.servicebus.server import serve

log = logging.getLogger("servicebus")


async def _run(config: Path, port: int, busy: int) -> None:
    async with serve(load_config(config), state_dir() / "servicebus.sqlite3", port, busy) as (server, chosen):
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.over.cancel)
        log.info("listening on sb://localhost:%d", chosen)
        with suppress(asyncio.CancelledError):
            await server.over


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.servicebus", description="A local Azure Service Bus")
    default = PROJECT / "local" / "servicebus.json"
    parser.add_argument("--config", type=Path, default=default, help="entities, in the format of Microsoft's emulator")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="refuse every Nth send, as when throttled")
    given = parser.parse_args()
    process.serve("servicebus", lambda port: asyncio.run(_run(given.config, port, given.busy)))


if __name__ == "__main__":
    main()
