"""Durable Functions over the local engine: the pump and the HTTP management API.

learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.paths import PROJECT
from local.ports import Ports
from tests.local.host.running import PATIENCE, Answer, RunningHost, running_host, until
from tests.ports import accepts, free_stack_ports

INSTANCES = "/runtime/webhooks/durabletask/instances"
CONTINUATION = "x-ms-continuation-token"
ORCHESTRATORS = "/runtime/webhooks/durabletask/orchestrators"


class Engine:
    """A Durable engine process."""

    def __init__(self, ports: Ports, folder: Path) -> None:
        self._ports = ports
        self._folder = folder
        self.start()

    def start(self) -> None:
        with (self._folder / "engine-output").open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.durable"],
                cwd=PROJECT,
                env={**os.environ, **self._ports.environment(), "LOCAL_STATE_DIR": str(self._folder)},
                stdout=sink,
                stderr=sink,
            )
        assert accepts(self._ports.durable, within=PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def ports() -> Ports:
    return free_stack_ports()


@pytest.fixture(scope="module")
def engine(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(ports, tmp_path_factory.mktemp("engine"))
    yield engine
    engine.kill()


@pytest.fixture(scope="module")
def host(engine: Engine, ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with running_host("durable", tmp_path_factory.mktemp("host"), ports=ports) as host:
        yield host


def start(host: RunningHost, name: str, instance: str, body: bytes | None = None) -> Answer:
    return host.request("POST", f"{ORCHESTRATORS}/{name}/{instance}", body)


def finished(host: RunningHost, instance: str) -> dict[str, Any]:
    until(lambda: host.get(f"{INSTANCES}/{instance}").status == 200)
    found: dict[str, Any] = host.get(f"{INSTANCES}/{instance}").json()
    return found


def test_an_orchestration_started_by_a_function_runs_to_its_end(host: RunningHost) -> None:
    """The `durableClient` binding leads to the engine, whose work comes back as function executions."""
    answer = host.request("POST", "/api/start/chain/c1", b"5")
    assert answer.status == 202
    assert answer.json()["statusQueryGetUri"].startswith(f"http://127.0.0.1:{host.ports.host}{INSTANCES}/c1?")
    shown = finished(host, "c1")
    assert (shown["name"], shown["runtimeStatus"], shown["input"], shown["output"]) == ("chain", "Completed", 5, 8)
    assert "Executed 'Functions.add_one' (Succeeded" in host.output()


def test_a_failing_activity_fails_its_orchestration_with_the_reason(host: RunningHost) -> None:
    """`output` carries the failure's text; `returnInternalServerErrorOnFailure` makes it a 500."""
    assert start(host, "failing", "f1").status == 202
    shown = finished(host, "f1")
    assert shown["runtimeStatus"] == "Failed"
    assert "not there" in shown["output"]
    assert host.get(f"{INSTANCES}/f1?returnInternalServerErrorOnFailure=true").status == 500


def test_a_function_that_the_app_lacks_fails_what_asks_for_it(host: RunningHost) -> None:
    """Nothing waits for ever on a name that was renamed."""
    start(host, "lost", "l1")
    assert "no activity function named 'nobody_knows_it'" in finished(host, "l1")["output"]
    answer = host.request("POST", f"{ORCHESTRATORS}/nothing")
    assert (answer.status, "nothing" in answer.json()["Message"]) == (400, True)


def test_an_event_reaches_the_instance_that_waits(host: RunningHost) -> None:
    """`raiseEvent`: 202; 404 for an unknown instance, 410 for one that has ended, 400 for a body that is no JSON."""
    start(host, "waiting", "w1")
    until(lambda: host.get(f"{INSTANCES}/w1").json()["customStatus"])
    shown = host.get(f"{INSTANCES}/w1")
    assert (shown.status, shown.json()["runtimeStatus"], shown.json()["customStatus"]) == (
        202,
        "Running",
        {"at": "waiting"},
    )
    assert shown.headers["Retry-After"] == "10"
    assert host.request("POST", f"{INSTANCES}/w1/raiseEvent/go", b"no json").status == 400
    assert host.request("POST", f"{INSTANCES}/none/raiseEvent/go", b"1").status == 404
    assert host.request("POST", f"{INSTANCES}/w1/raiseEvent/go", b'{"a": 1}').status == 202
    assert finished(host, "w1")["output"] == {"a": 1}
    assert host.request("POST", f"{INSTANCES}/w1/raiseEvent/go", b"1").status == 410


def test_an_instance_is_suspended_resumed_and_terminated(host: RunningHost) -> None:
    """Orders answer 202, and 410 once the instance has ended."""

    def status() -> str:
        return str(host.get(f"{INSTANCES}/t1").json()["runtimeStatus"])

    start(host, "waiting", "t1")
    until(lambda: status() == "Running")
    assert host.request("POST", f"{INSTANCES}/t1/suspend?reason=tea").status == 202
    until(lambda: status() == "Suspended")
    assert host.request("POST", f"{INSTANCES}/t1/resume").status == 202
    until(lambda: status() == "Running")
    assert host.request("POST", f"{INSTANCES}/t1/terminate?reason=enough").status == 202
    until(lambda: status() == "Terminated")
    assert host.request("POST", f"{INSTANCES}/t1/terminate").status == 410


def test_a_running_id_is_not_started_again(host: RunningHost) -> None:
    """409, as the extension answers for an instance that is pending or running."""
    start(host, "waiting", "twice")
    assert start(host, "waiting", "twice").status == 409
    host.request("POST", f"{INSTANCES}/twice/terminate")


def test_an_instance_that_has_ended_is_purged(host: RunningHost) -> None:
    """`DELETE`: how many went, and 404 afterwards."""
    start(host, "chain", "old", b"1")
    finished(host, "old")
    assert host.request("DELETE", f"{INSTANCES}/old").json() == {"instancesDeleted": 1}
    assert host.request("DELETE", f"{INSTANCES}/old").status == 404
    assert host.get(f"{INSTANCES}/old").status == 404


def test_an_instance_is_restarted(host: RunningHost) -> None:
    """`restart`: the same input again under a new id."""
    start(host, "chain", "r1", b"7")
    finished(host, "r1")
    again = host.request("POST", f"{INSTANCES}/r1/restart")
    assert again.status == 202
    assert again.json()["id"] != "r1"
    assert finished(host, again.json()["id"])["output"] == 10


def test_the_history_of_an_instance_is_shown_when_asked_for(host: RunningHost) -> None:
    """`showHistory`, with results where `showHistoryOutput` asks for them; each task as one event with its times."""
    start(host, "chain", "h1", b"1")
    assert "historyEvents" not in finished(host, "h1")

    def events(query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = host.get(f"{INSTANCES}/h1?showHistory=true{query}").json()["historyEvents"]
        return found

    plain, full = events(""), events("&showHistoryOutput=true")
    tasks = ["TaskCompleted"] * 3
    assert [each["EventType"] for each in plain] == ["ExecutionStarted", *tasks, "ExecutionCompleted"]
    assert (plain[0]["FunctionName"], plain[1]["FunctionName"]) == ("chain", "add_one")
    assert plain[1]["ScheduledTime"] <= plain[1]["Timestamp"]
    assert [each.get("Result") for each in plain] == [None] * 5
    assert [each.get("Result") for each in full] == [None, 2, 3, 4, 4]


def test_instances_are_listed_in_pages(host: RunningHost) -> None:
    """Filters by status, time and prefix; `x-ms-continuation-token` leads on and is empty on the last page."""
    for number in range(3):
        start(host, "chain", f"page{number}", b"1")
        finished(host, f"page{number}")
    start(host, "waiting", "page-open")
    query = f"{INSTANCES}?instanceIdPrefix=page&runtimeStatus=Completed,Failed&top=2"
    first = host.get(query)
    second = host.get(query, **{CONTINUATION: first.headers[CONTINUATION]})
    assert [each["instanceId"] for each in first.json() + second.json()] == ["page0", "page1", "page2"]
    assert (len(first.json()), second.headers[CONTINUATION]) == (2, "")
    assert (first.json()[0]["runtimeStatus"], first.json()[0]["output"]) == ("Completed", 4)
    assert host.get(f"{query}&createdTimeFrom=2099-01-01T00:00:00Z").json() == []
    assert len(host.get(f"{query}&createdTimeTo=2099-01-01T00:00:00Z").json()) == 2
    assert {host.get(f"{INSTANCES}/?{odd}").status for odd in ("runtimeStatus=Odd", "top=0", "top=x")} == {400}
    host.request("POST", f"{INSTANCES}/page-open/terminate")


def test_instances_are_purged_by_filter(host: RunningHost) -> None:
    """Those that have ended, of a status and a time; 404 where there is none."""
    begun = "2000-01-01T00:00:00Z"
    start(host, "failing", "bad")
    finished(host, "bad")
    assert host.request("DELETE", f"{INSTANCES}?runtimeStatus=Failed&createdTimeTo={begun}").status == 404
    answer = host.request("DELETE", f"{INSTANCES}?runtimeStatus=Failed&createdTimeFrom={begun}")
    assert answer.json()["instancesDeleted"] >= 1
    assert host.get(f"{INSTANCES}/bad").status == 404


def test_an_entity_is_signalled_and_read(host: RunningHost) -> None:
    """By a client binding; names are the same whatever their case."""
    assert host.get("/api/counters/tally").status == 404
    for _ in range(3):
        assert host.request("POST", "/api/counters/tally/add", b'{"by": 2}').status == 202
    until(lambda: host.get("/api/counters/tally").body == b"6")


def test_an_orchestration_locks_entities_and_hears_their_answers(host: RunningHost) -> None:
    """In a critical section others' operations wait; an operation that raises fails at its caller."""
    start(host, "transfer", "locks", b'["from", "to"]')
    until(lambda: host.get("/api/counters/from").body == b"-1")
    assert host.request("POST", "/api/counters/to/add", b'{"by": 10}').status == 202
    assert host.request("POST", f"{INSTANCES}/locks/raiseEvent/go", b"{}").status == 202
    total, failure = finished(host, "locks")["output"]
    assert (total, "as asked" in failure) == (1, True)
    until(lambda: host.get("/api/counters/to").body == b"11")


def test_a_call_that_the_host_does_not_do_says_so(host: RunningHost) -> None:
    """501 and a sentence; entities, for one, are the clients' over gRPC."""
    answer = host.get("/runtime/webhooks/durabletask/entities")
    assert (answer.status, "does not do GET" in answer.json()["Message"]) == (501, True)


def test_an_engine_that_is_killed_and_comes_back_goes_on(host: RunningHost, engine: Engine) -> None:
    """The pump connects again; until then the API answers 503."""
    start(host, "waiting", "away")
    until(lambda: host.get(f"{INSTANCES}/away").json()["customStatus"])
    engine.kill()
    assert host.get(f"{INSTANCES}/away").status == 503
    until(lambda: "Durable engine at" in host.output())
    engine.start()
    until(lambda: host.request("POST", f"{INSTANCES}/away/raiseEvent/go", b"1").status == 202)
    assert finished(host, "away")["output"] == 1


def test_a_stop_finishes_the_activity_that_runs(host: RunningHost) -> None:
    """Its result is reported, so that the next host does not run it again."""
    start(host, "slow", "s1", b"1")
    until(lambda: host.records(function="sleep", at="start"))
    assert host.stop() == 0
    assert len(host.records(function="sleep", at="end")) == 1
    host.again()
    assert finished(host, "s1")["output"] == "slept"
    assert len(host.records(function="sleep", at="start")) == 1


def test_work_of_a_host_that_was_killed_is_done_by_the_next(host: RunningHost) -> None:
    """At least once: an activity that nobody reported runs again."""
    start(host, "slow", "s2", b"1")
    until(lambda: len(host.records(function="sleep", at="start")) == 2)
    host.kill()
    host.again()
    assert finished(host, "s2")["output"] == "slept"
    assert len(host.records(function="sleep", at="start")) == 3
