"""`python -m local.signalr`: run the service."""

from __future__ import annotations

import argparse
import asyncio
import logging
import resource
import signal
import sys

from local.paths import state_dir
from local.ports import HOST, Ports
from local.signalr.server import running_service

log = logging.getLogger("local.signalr")
OPEN_FILES = 10_240  # one a client; systems start with 256 or 1,024


async def _serve(port: int, upstream: str) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_service(port, upstream, file=str(state_dir() / "signalr.sqlite3")) as service:
        log.info("listening on %s, events go to %s", service.endpoint, upstream)
        await stop.wait()


def main() -> int:
    """Read the command line and serve."""
    ports = Ports.from_environment()
    default = f"http://{HOST}:{ports.host}/runtime/webhooks/signalr"
    parser = argparse.ArgumentParser(prog="python -m local.signalr", description="A local SignalR Service")
    parser.add_argument("--upstream", default=default, help="where events go; may hold {hub}, {category}, {event}")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < OPEN_FILES:  # below 0: no limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(hard, OPEN_FILES), hard))
    try:
        asyncio.run(_serve(ports.signalr, options.upstream))
    except OSError:
        print(f"Port {ports.signalr} is taken; the SignalR service cannot listen.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
