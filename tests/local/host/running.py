"""A host process with one of the apps beside this file, on a free port and with state of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from local.paths import PROJECT
from local.ports import HOST, Ports
from tests.ports import accepts, free_stack_ports

APPS = Path(__file__).parent / "apps"
PATIENCE = 30.0  # seconds, on a slow and busy machine


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def until[T](look: Callable[[], T]) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return seen


class RunningHost:
    """One host process; `record` is the file into which the apps write what reached them."""

    def __init__(
        self, app: Path, folder: Path, ports: Ports, environment: Mapping[str, str], arguments: list[str]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.app = app
        self.folder = folder
        self.ports = ports
        self.record = folder / "record"
        self._output = folder / "output"
        own = {"LOCAL_STATE_DIR": str(folder), "RECORD": str(self.record), "PYTHONUNBUFFERED": "1"}
        self._command = [sys.executable, "-m", "local.host", "--app", str(app), *arguments]
        self._environment = {**os.environ, **ports.environment(), **own, **environment}
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._output.open("ab") as sink:
            return subprocess.Popen(
                self._command, cwd=PROJECT, stdout=sink, stderr=subprocess.STDOUT, env=self._environment
            )

    def ready(self) -> None:
        """Wait until it listens."""
        assert accepts(self.ports.host, within=PATIENCE), self.output()

    def again(self) -> None:
        """Start it once more after it has ended."""
        self.process = self._start()
        self.ready()

    def output(self) -> str:
        """What it has printed so far."""
        return self._output.read_text(errors="replace")

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One HTTP request, sent as given."""
        connection = http.client.HTTPConnection(HOST, self.ports.host, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.msg, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def records(self, **wanted: object) -> list[dict[str, Any]]:
        """What the app has written so far, as far as it has these values."""
        lines = self.record.read_text(encoding="utf-8").splitlines() if self.record.exists() else []
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [each for each in found if all(each.get(name) == value for name, value in wanted.items())]

    def stop(self) -> int:
        """Ask it to end; its exit code. Killed when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill_worker(self, number: int) -> None:
        """`kill -9` of one worker by its process id."""
        os.kill(number, signal.SIGKILL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running_host(
    app: str | Path,
    folder: Path,
    *arguments: str,
    ports: Ports | None = None,
    environment: Mapping[str, str] | None = None,
    ready: bool = True,
) -> Iterator[RunningHost]:
    """A host that serves the app (a name below `apps/` or a folder), ended when left."""
    path = app if isinstance(app, Path) else APPS / app
    host = RunningHost(path, folder, ports or free_stack_ports(), environment or {}, list(arguments))
    try:
        if ready:
            host.ready()
        yield host
    finally:
        host.stop()
