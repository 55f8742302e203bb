"""One core for what is measured, another for what measures it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHER = CORES[0], CORES[-1]


def pin(core: int) -> None:
    """Keep this process on one core."""
    os.sched_setaffinity(0, {core})


def start(command: Sequence[str], *, core: int, output: Path, cwd: Path, **environment: str) -> subprocess.Popen[bytes]:
    """A process on one core; its output goes to a file."""
    with output.open("wb") as sink:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env={**_environment(), **environment},
            stdout=sink,
            stderr=subprocess.STDOUT,
            preexec_fn=_pinned(core),  # only this thread starts processes
        )


def _pinned(core: int) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, {core})


def _environment() -> Mapping[str, str]:
    """With bytecode, whatever the caller's says, and one thread for each library."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "OPENBLAS_NUM_THREADS": "1"}
