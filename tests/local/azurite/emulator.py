"""Azurite as the stack starts it, on free ports, for tests that kill it."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path

from local.azurite import azurite_command
from local.connections import connection_settings
from local.ports import Ports
from tests.ports import accepts, free_ports

START_LIMIT = 60.0  # seconds


class Emulator:
    """One Azurite with its own ports and data folder; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        blob, queue, table = free_ports(3)
        self._ports = replace(Ports(), blob=blob, queue=queue, table=table)
        self.connection = connection_settings(self._ports)["AzureWebJobsStorage"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until its three ports answer."""
        with (self.folder.parent / "azurite.log").open("ab") as log:
            self._process = subprocess.Popen(azurite_command(self._ports, self.folder), stdout=log, stderr=log)
        for port in (self._ports.blob, self._ports.queue, self._ports.table):
            assert accepts(port, within=START_LIMIT), (self.folder.parent / "azurite.log").read_text()

    def kill(self) -> None:
        """`kill -9`."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it as the supervisor does; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=START_LIMIT)

    def kill_and_restart(self) -> None:
        """What a crash of the whole stack does to it."""
        self.kill()
        self.start()

    def journals(self) -> list[Path]:
        """Journal files that hold changes not yet in a saved database."""
        return sorted(self.folder.glob("*.journal-*"))
