"""`python -m tests.local.durable.worker_process ADDRESS`: a worker that the tests can kill."""

from __future__ import annotations

import sys
import threading

from tests.local.durable.hub import new_worker

if __name__ == "__main__":
    new_worker(sys.argv[1]).start()
    threading.Event().wait()
