"""The broker as a process of its own, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from local.paths import PROJECT
from tests.ports import accepts, free_ports


class BrokerProcess:
    """`python -m local.servicebus` on a free port, with a state folder that outlives it."""

    def __init__(self, configuration: bytes, folder: Path) -> None:
        self.port = free_ports(1)[0]
        self.config = folder / "servicebus.json"
        self.config.write_bytes(configuration)
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {"LOCAL_STATE_DIR": str(self._folder), "LOCAL_PORT_SERVICEBUS": str(self.port)}
        return subprocess.Popen(
            [sys.executable, "-m", "local.servicebus", "--config", str(self.config), *arguments],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(self) -> None:
        self._process = self.command()
        assert accepts(self.port), "the broker did not come up"

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Its exit code, negative for the signal that ended it, and what it printed."""
        assert self._process is not None
        self._process.send_signal(number)
        output, _ = self._process.communicate(timeout=10)
        return self._process.returncode, output
