"""How a part of the stack is a process: its port, its log, and one line where it cannot serve."""

import logging
import sqlite3
import sys
from collections.abc import Callable

from local.ports import Ports


def serve(part: str, run: Callable[[int], object]) -> None:
    """Run on the part's port until SIGTERM or SIGINT; exit with 1 where port, file or setting do not allow it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    port: int = getattr(Ports.from_environment(), part)
    try:
        run(port)
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
        sys.exit(f"{part} cannot serve on port {port}: {error}")
