"""`python -m local.durable`: the engine as a process of the local stack."""

import logging
import signal

from local.durable.backend import log
from local.durable.engine import DurableEngine
from local.paths import state_dir
from local.process import serve


def run(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.getLogger("durabletask").setLevel(logging.WARNING)  # it tells of every single start and event
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # in every thread; they wait for `sigwait`
    engine = DurableEngine(state_dir() / "durable.sqlite3", port)
    log.info("listening on %s", engine.start())
    signal.sigwait(stops)
    engine.stop()


if __name__ == "__main__":
    serve("durable", run)
