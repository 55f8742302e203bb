"""The engine and workers as processes of their own, for tests that kill them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from local.paths import PROJECT
from local.ports import HOST
from tests.local.durable.hub import PATIENCE


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class EngineProcess:
    """`python -m local.durable` with a port and a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"{HOST}:{self.port}"
        self.log = folder / "durable.log"
        self._environment = os.environ | {"LOCAL_STATE_DIR": str(folder), "LOCAL_PORT_DURABLE": str(self.port)}
        self._process = self.launch()

    def launch(self) -> subprocess.Popen[bytes]:
        """Start a process, without waiting for it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "local.durable"], cwd=PROJECT, env=self._environment, stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Wait until it accepts connections."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the engine did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """`kill -9`, then start again."""
        self.kill()
        self._process = self.launch()
        self.wait()

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """End it as the supervisor does; the exit code."""
        self._process.send_signal(signum)
        return self._process.wait(PATIENCE)


class WorkerProcess:
    """A worker that knows `workflows`."""

    def __init__(self, address: str) -> None:
        self._command = [sys.executable, "-m", "tests.local.durable.worker_process", address]
        self._process = subprocess.Popen(self._command, cwd=PROJECT)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """`kill -9`, then start again."""
        self.kill()
        self._process = subprocess.Popen(self._command, cwd=PROJECT)

    def wait(self) -> None:
        """Wait until it has died by itself."""
        self._process.wait(PATIENCE)
