"""`python -m local.signalr`: run the service."""

from __future__ import annotations

import logging
import resource
import sys

from aiohttp import web

from local.paths import state_dir
from local.ports import HOST, Ports
from local.signalr.server import application

OPEN_FILES = 10_240  # one a client; systems start with 256 or 1,024


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < OPEN_FILES:  # below 0: no limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(hard, OPEN_FILES), hard))
    ports = Ports.from_environment()
    upstream = f"http://{HOST}:{ports.host}/runtime/webhooks/signalr"
    app = application(ports.signalr, upstream, str(state_dir() / "signalr.sqlite3"))
    try:
        web.run_app(app, host=HOST, port=ports.signalr, print=None, access_log=None, shutdown_timeout=2)
    except OSError:
        print(f"Port {ports.signalr} is taken; the SignalR service cannot listen.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
