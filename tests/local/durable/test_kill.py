"""`kill -9` of the real processes: the engine's at random moments under load, the workers' as well."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from durabletask.client import TaskHubGrpcClient

from tests.local.durable import workflows
from tests.local.durable.hub import IMPATIENT, silent
from tests.local.durable.processes import EngineProcess, WorkerProcess

KILLS = int(os.environ.get("DURABLE_KILLS", "4"))
SAGAS_A_KILL = 8
LIMIT = 60.0  # seconds for everything to end after the last kill


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """The engine as the stack runs it."""
    engine = EngineProcess(tmp_path)
    engine.wait()
    yield engine
    engine.kill()


def insist[T](call: Callable[[], T]) -> T:
    """Repeat a call until the engine is there to answer it."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise
            assert time.monotonic() < deadline, "the engine does not come back"
            time.sleep(0.05)


def test_every_saga_comes_to_its_right_end(engine: EngineProcess) -> None:
    """Activities, children, timers, entities, compensation; `DURABLE_KILLS` kills, half of them of a worker."""
    moments = random.Random(11)
    client: Any = TaskHubGrpcClient(host_address=engine.address, logger=silent, channel_options=IMPATIENT)
    start = client.schedule_new_orchestration
    workers = [WorkerProcess(engine.address) for _ in range(2)]
    numbers = iter(range(1, 10_000))
    started: dict[int, str] = {}
    try:
        for kill in range(KILLS):
            for _ in range(SAGAS_A_KILL):
                number = next(numbers)
                started[number] = f"saga-{number}"
                try:
                    insist(partial(start, workflows.saga, input=number, instance_id=started[number]))
                except grpc.RpcError as error:  # the call before the kill was heard, its answer was lost
                    assert error.code() == grpc.StatusCode.ALREADY_EXISTS
            time.sleep(moments.uniform(0.05, 1.0))
            (engine if kill % 2 == 0 else workers[kill % 4 // 2]).restart()
        deadline = time.monotonic() + LIMIT
        states: dict[int, Any] = {}
        while len(states) < len(started):
            assert time.monotonic() < deadline, {n for n in started if n not in states}
            for number in started.keys() - states.keys():
                state = insist(partial(client.get_orchestration_state, started[number]))
                if state.runtime_status.name not in ("PENDING", "RUNNING"):
                    states[number] = state
            time.sleep(0.1)
    finally:
        for worker in workers:
            worker.kill()
        client.close()
    print(len(started), "sagas,", KILLS, "kills")
    for number, state in states.items():
        assert state.runtime_status.name == "COMPLETED", state.failure_details
        assert state.get_output() == workflows.saga_result(number)


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
    assert any("is in use" in line or "is taken" in line for line in lines)
    assert not any("Traceback" in line for line in lines)
    assert engine.stop(signal.SIGTERM) == 0
