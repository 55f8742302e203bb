"""`kill -9` of the real processes, engine and workers, under load (durable-functions-orchestrations, "Reliability")."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durabletask.client import TaskHubGrpcClient

from tests.local.durable import workflows
from tests.local.durable.crash import SAGAS_A_ROUND, crash_rounds
from tests.local.durable.hub import IMPATIENT, silent
from tests.local.durable.processes import EngineProcess, WorkerProcess

ROUNDS = 4  # `make drill` has twenty


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """The engine as the stack runs it."""
    engine = EngineProcess(tmp_path)
    engine.wait()
    yield engine
    engine.kill()


def test_every_saga_comes_to_its_right_end(engine: EngineProcess) -> None:
    """Activities, children, timers, events, entities, compensation; half of the kills are of a worker."""
    count = crash_rounds(engine, ROUNDS, seed=11)
    assert count.clean, (count.lost, count.doubled, count.wrong)
    assert count.orchestrations == ROUNDS * SAGAS_A_ROUND
    assert count.things["timers"] == count.orchestrations


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_clean_stop_under_load_exits_with_0(engine: EngineProcess, signum: signal.Signals) -> None:
    """Workers are connected and hold items; what they do not answer in time is handed out after the next start."""
    worker = WorkerProcess(engine.address)
    client: Any = TaskHubGrpcClient(host_address=engine.address, logger=silent, channel_options=IMPATIENT)
    for _ in range(20):
        client.schedule_new_orchestration(workflows.call, input=["slow", 0.5])
    assert engine.stop(signum) == 0
    worker.kill()
    client.close()
    assert "Traceback" not in engine.log.read_text()


def test_clean_stop_exits_with_0_and_a_second_engine_with_1(engine: EngineProcess) -> None:
    """SIGTERM ends it, a taken port or file is one line."""
    second = engine.launch()
    assert second.wait(30) == 1
    lines = engine.log.read_text().splitlines()
    assert sum("cannot serve" in line for line in lines) == 1
    assert not any("Traceback" in line for line in lines)
    assert engine.stop(signal.SIGTERM) == 0
