"""`python -m local.durable`: the engine as a process of the local stack."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading

from local.durable.engine import DurableEngine
from local.durable.store import StoreError
from local.paths import state_dir
from local.ports import Ports


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit code is 0 for a clean end, 1 when it could not start."""
    argparse.ArgumentParser(
        prog="python -m local.durable",
        description="The Durable Task engine of the local stack. LOCAL_PORT_DURABLE is its port, LOCAL_STATE_DIR the "
        "folder of its file, durable.sqlite3.",
    ).parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("durabletask").setLevel(logging.WARNING)  # it tells of every single start and event
    log = logging.getLogger("durable")
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    port = Ports.from_environment().durable
    try:
        engine = DurableEngine(state_dir() / "durable.sqlite3", port)
        log.info("listening on %s", engine.start())
    except (StoreError, RuntimeError) as error:
        log.error("%s", error if isinstance(error, StoreError) else f"port {port} is taken")
        return 1
    stop.wait()
    engine.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
