"""Real parts of the local stack, one of each for the whole run, on ports and state of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.azurite import azurite_command
from local.connections import connection_settings
from local.paths import PROJECT
from local.ports import Ports
from tests.ports import accepts, free_stack_ports


@contextmanager
def _running(command: list[str], ports: tuple[int, ...], output: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process that listens on these ports, ended when left. Its output is shown where it does not come up."""
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
    try:
        up = all(accepts(port) for port in ports)
        assert up, f"{command} did not come up:\n{output.read_text(errors='replace')}"
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def parts() -> Ports:
    """The ports of the session's parts."""
    return free_stack_ports()


@pytest.fixture(scope="session")
def azurite(parts: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Azurite; its connection string. Tests share it: use keys and names of your own."""
    folder = tmp_path_factory.mktemp("azurite")
    command = azurite_command(parts, folder / "data")
    with _running(command, (parts.blob, parts.queue, parts.table), folder / "output", {}):
        yield connection_settings(parts)["AzureWebJobsStorage"]


@pytest.fixture(scope="session")
def servicebus(parts: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Service Bus peer with the product's topology; its connection string. Tests share it."""
    folder = tmp_path_factory.mktemp("servicebus")
    environment = {**parts.environment(), "LOCAL_STATE_DIR": str(folder)}
    command = [sys.executable, "-m", "local.servicebus"]
    with _running(command, (parts.servicebus,), folder / "output", environment):
        yield connection_settings(parts)["ServiceBusConnection"]
