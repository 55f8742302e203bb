"""The service as a process of the local stack: it keeps what must be kept, ends cleanly, and says what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.paths import PROJECT
from tests.local.signalr.dataplane import NEWS, call
from tests.local.signalr.raw import connected
from tests.ports import accepts, free_ports

COMMAND = [sys.executable, "-m", "local.signalr"]


@dataclass(frozen=True)
class Elsewhere:
    """A service in another process."""

    endpoint: str


@contextmanager
def process(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The running service, killed in the end."""
    started = subprocess.Popen(COMMAND, cwd=PROJECT, env=environment, stderr=subprocess.PIPE)
    try:
        assert accepts(port)
        yield started
    finally:
        started.kill()
        started.communicate()


async def test_it_keeps_memberships_over_a_kill_names_a_taken_port_and_ends_cleanly(tmp_path: Path) -> None:
    """A restart of the real service forgets no user's groups; here not even `kill -9` does. SIGTERM: exit code 0."""
    [port] = free_ports(1)
    environment = {**os.environ, "LOCAL_STATE_DIR": str(tmp_path), "LOCAL_PORT_SIGNALR": str(port)}
    service = Elsewhere(f"http://127.0.0.1:{port}")
    with process(environment, port):
        await call(service, "PUT", "/users/mei/groups/session%3A1?ttl=600")
        second = subprocess.run(COMMAND, cwd=PROJECT, env=environment, capture_output=True)
        assert second.returncode == 1
        [line] = second.stderr.decode().splitlines()
        assert line.startswith(f"signalr cannot serve on port {port}: ")
        assert "address already in use" in line
    with process(environment, port) as running:
        assert (await call(service, "HEAD", "/users/mei/groups/session%3A1")).status == 200
        async with connected(service):
            assert (await call(service, "POST", "/groups/session%3A1/:send", NEWS)).delivered == 1
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=15)
        assert running.returncode == 0, errors
