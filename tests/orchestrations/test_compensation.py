"""The saga kit on Microsoft's worker and engine: each step failed in turn, and an undo that fails (E11)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local.paths import PROJECT
from tests.local.host.running import PATIENCE, RunningHost, running_host, until
from tests.ports import accepts, free_stack_ports

WEBHOOKS = "/runtime/webhooks/durabletask"
STEPS = ("first", "second", "third", "fourth")
UNDOS = {"first": "undo_first", "third": "undo_third", "fourth": "undo_fourth"}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saga") / "log"


@pytest.fixture(scope="module")
def host(log: Path) -> Iterator[RunningHost]:
    ports = free_stack_ports()
    environment = {**os.environ, **ports.environment(), "LOCAL_STATE_DIR": str(log.parent)}
    with (log.parent / "engine-output").open("wb") as sink:
        engine = subprocess.Popen(
            [sys.executable, "-m", "local.durable"], cwd=PROJECT, env=environment, stdout=sink, stderr=sink
        )
    try:
        assert accepts(ports.durable, within=PATIENCE)
        app = Path(__file__).parent / "app"
        settings = {"SAGA_LOG": str(log), "PYTHONPATH": str(PROJECT)}
        with running_host(app, log.parent / "host", ports=ports, environment=settings) as host:
            yield host
    finally:
        engine.kill()
        engine.wait()


def start(host: RunningHost, saga: str, *failing: str) -> None:
    body = json.dumps({"failing": failing}).encode()
    answer = host.request("POST", f"{WEBHOOKS}/orchestrators/story/{saga}", body, {"Content-Type": "application/json"})
    assert answer.status == 202, answer.body


def status(host: RunningHost, saga: str) -> dict[str, Any]:
    found: dict[str, Any] = host.get(f"{WEBHOOKS}/instances/{saga}").json()
    return found


def outcome(host: RunningHost, saga: str) -> dict[str, Any]:
    until(lambda: status(host, saga)["runtimeStatus"] not in ("Pending", "Running"))
    ended = status(host, saga)
    assert ended["runtimeStatus"] == "Completed", ended
    result: dict[str, Any] = ended["output"]
    return result


def ran(log: Path, saga: str) -> list[str]:
    """The activities that ran for a saga, a retried one once."""
    lines = [line.split() for line in log.read_text().splitlines()]
    return list(dict.fromkeys(name for of, name in lines if of == saga))


def parked_at(host: RunningHost, saga: str, step: str) -> bool:
    """Whether a saga waits for an operator at this undo."""
    progress = status(host, saga)["customStatus"] or {}
    return (progress.get("state"), progress.get("step")) == ("parked", step)


def test_a_saga_whose_steps_succeed_undoes_nothing(host: RunningHost, log: Path) -> None:
    """All steps in order, and no undo."""
    start(host, "well")
    assert outcome(host, "well") == {"state": "completed", "done": list(STEPS)}
    assert ran(log, "well") == list(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_e11_a_failing_step_undoes_what_may_have_happened_in_reverse(host: RunningHost, log: Path, step: str) -> None:
    """The failed step's own undo comes first: it may have happened. The outcome says what failed, and why."""
    saga = f"fails-{step}"
    start(host, saga, step)
    tried = list(STEPS[: STEPS.index(step) + 1])
    failed = {"step": step, "reason": "unexpected" if step == "second" else f"{step}-down"}
    ended = {"state": "compensated", "failed": failed, "done": tried[:-1]}
    assert outcome(host, saga) == {**ended, "skipped_undos": []}
    assert status(host, saga)["customStatus"] == {**ended, "step": None, "reason": None}
    assert ran(log, saga) == tried + [UNDOS[name] for name in reversed(tried) if name in UNDOS]


@pytest.mark.parametrize("action", ["retry", "skip"])
def test_e11_an_undo_that_fails_parks_the_saga_for_an_operator(host: RunningHost, log: Path, action: str) -> None:
    """It waits, visibly, at the undo that failed; the operator has it tried again or skipped."""
    saga, repaired = f"parks-{action}", Path(f"{log}.repaired")
    start(host, saga, "fourth", "undo_third")
    until(lambda: (status(host, saga)["customStatus"] or {}).get("state") == "parked")
    parked = status(host, saga)["customStatus"]
    assert (parked["step"], parked["reason"]) == ("undo_third", "undo-third-down")
    assert parked["failed"] == {"step": "fourth", "reason": "fourth-down"}
    assert "undo_first" not in ran(log, saga)
    if action == "retry":
        repaired.touch()
    decision = json.dumps({"action": action}).encode()
    headers = {"Content-Type": "application/json"}
    answer = host.request("POST", f"{WEBHOOKS}/instances/{saga}/raiseEvent/operator_decision", decision, headers)
    assert answer.status == 202
    skipped = ["undo_third"] if action == "skip" else []
    assert outcome(host, saga)["skipped_undos"] == skipped
    assert ran(log, saga)[-1] == "undo_first"
    repaired.unlink(missing_ok=True)


def test_a_decision_that_comes_twice_decides_nothing_else(host: RunningHost, log: Path) -> None:
    """Two operators skip the same undo; the next one that fails waits for a decision of its own."""
    saga, repaired = "decided-twice", Path(f"{log}.repaired")
    start(host, saga, "fourth", "undo_third", "undo_first")
    for step, action, times in (("undo_third", "skip", 2), ("undo_first", "retry", 1)):
        until(partial(parked_at, host, saga, step))
        if action == "retry":
            repaired.touch()
        decision = json.dumps({"action": action, "step": step}).encode()
        for _ in range(times):
            path = f"{WEBHOOKS}/instances/{saga}/raiseEvent/operator_decision"
            assert host.request("POST", path, decision, {"Content-Type": "application/json"}).status == 202
    assert outcome(host, saga)["skipped_undos"] == ["undo_third"]
    repaired.unlink(missing_ok=True)
