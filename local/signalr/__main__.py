"""`python -m local.signalr`: run the service."""

from __future__ import annotations

import argparse
import logging
import resource
import sys

from aiohttp import web

from local.paths import state_dir
from local.ports import HOST, Ports
from local.signalr.memberships import open_database
from local.signalr.server import application
from local.signalr.service import Service
from local.signalr.upstream import Upstream

log = logging.getLogger("local.signalr")
OPEN_FILES = 10_240  # one a client; systems start with 256 or 1,024


def _allow_many_clients() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    ports = Ports.from_environment()
    default = f"http://{HOST}:{ports.host}/runtime/webhooks/signalr"
    parser = argparse.ArgumentParser(prog="python -m local.signalr", description="A local SignalR Service")
    parser.add_argument("--upstream", default=default, help="where events go; may hold {hub}, {category}, {event}")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    _allow_many_clients()
    endpoint = f"http://{HOST}:{ports.signalr}"
    service = Service(endpoint, Upstream(options.upstream), open_database(str(state_dir() / "signalr.sqlite3")))
    try:
        web.run_app(
            application(service),
            host=HOST,
            port=ports.signalr,
            print=lambda _: log.info("listening on %s, events go to %s", endpoint, options.upstream),
            access_log=None,
            shutdown_timeout=2,
        )
    except OSError:
        print(f"Port {ports.signalr} is taken; the SignalR service cannot listen.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
