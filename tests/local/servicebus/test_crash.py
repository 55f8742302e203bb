"""The broker as a process: killed under load, restarted under its clients, started and ended as `make run` does it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local.paths import PROJECT
from tests.local.servicebus.clients import restarted
from tests.local.servicebus.crash import CONFIGURATION, crash_rounds
from tests.local.servicebus.process import BrokerProcess
from tests.local.servicebus.running import connection_string


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    broker = BrokerProcess(CONFIGURATION, tmp_path)
    yield broker
    with suppress(AssertionError):
        broker.end(signal.SIGKILL)


def test_a_kill_under_load_loses_nothing_and_repeats_nothing(broker: BrokerProcess) -> None:
    """No accepted message is lost, no completed one comes again, no sequence number is used twice."""
    count = crash_rounds(broker, 3, seed=7)

    assert len(count.accepted) > 100
    assert len(count.completed) > 100
    assert (count.lost, count.repeated, count.reused) == (set(), set(), set())


def test_clients_go_on_after_a_restart(broker: BrokerProcess) -> None:
    """The same sender and receiver objects, by the SDK's own retries."""
    broker.start()
    client = subprocess.Popen(
        [sys.executable, "-m", restarted.__name__, connection_string(broker.port)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "ready\n"

    broker.end(signal.SIGKILL)
    broker.start()
    output, _ = client.communicate("go on\n", timeout=60)

    assert "before left after" in output


def test_the_process_ends_cleanly_when_asked(broker: BrokerProcess) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        broker.start()
        with socket.create_connection(("127.0.0.1", broker.port)):
            code, output = broker.end(number)

        assert code == 0, output
        assert f"listening on sb://localhost:{broker.port}" in output


def test_a_port_that_is_taken_is_one_clear_line(broker: BrokerProcess) -> None:
    with socket.create_server(("127.0.0.1", broker.port)):
        process = broker.command()
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 1
    [line] = output.splitlines()
    assert str(broker.port) in line
    assert "in use" in line


def test_a_configuration_that_cannot_be_served_is_one_clear_line(broker: BrokerProcess) -> None:
    broker.config.write_bytes(b'{"UserConfig": {"Namespaces": [{"Name": "n", "Topics": []}], "Logging": {}}}')

    process = broker.command()
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 1
    [line] = output.splitlines()
    assert "Queues" in line


def test_help_says_what_can_be_asked(broker: BrokerProcess) -> None:
    process = broker.command("--help")
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert "--busy" in output
