"""`python -m local.durable`: the engine as a process of the local stack."""

from __future__ import annotations

import logging
import signal
import sqlite3
import sys

from local.durable.backend import log
from local.durable.engine import DurableEngine
from local.paths import state_dir
from local.ports import Ports


def main() -> int:
    """Serve until SIGTERM or SIGINT. 1 for a port or file that does not allow it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("durabletask").setLevel(logging.WARNING)  # it tells of every single start and event
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # in every thread; they wait for `sigwait`
    port = Ports.from_environment().durable
    try:
        engine = DurableEngine(state_dir() / "durable.sqlite3", port)
        log.info("listening on %s", engine.start())
    except (RuntimeError, ValueError, sqlite3.Error) as error:
        log.error("cannot serve on port %d: %s", port, error)
        return 1
    signal.sigwait(stops)
    engine.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
