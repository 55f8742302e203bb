"""Timer triggers (learn.microsoft.com/azure/azure-functions/functions-bindings-timer)."""

from __future__ import annotations

import socket
from pathlib import Path

from local.ports import HOST
from tests.local.host.running import running_host, until


def test_timers_run_when_due_at_start_when_asked_and_late_when_missed(tmp_path: Path) -> None:
    """`schedule`, `runOnStartup`, `useMonitor`: a time missed while no host ran makes one run with `past_due`.

    A failed run is repeated as its retry policy says (functions-bindings-error-pages#retry-policies).
    """
    (tmp_path / "timers").mkdir()
    (tmp_path / "timers" / "yearly.json").write_text('{"Last": "2020-05-05T05:05:05+00:00"}')
    with running_host("timers", tmp_path, environment={"OFTEN": "* * * * * *"}) as host:
        until(lambda: len(host.records(function="often")) >= 2)
        [late] = until(lambda: host.records(function="yearly"))
        assert late["past_due"]
        assert late["status"]["Last"].startswith("2020-05-05")
        assert [each["past_due"] for each in until(lambda: host.records(function="at_start"))] == [False]
        until(lambda: host.output().count("Executed 'Functions.fails' (Failed") == 3)
        assert " DEBUG Executing 'Functions.fails'" in host.output()  # the stack shows what people do, not each tick,
        assert " ERROR Executed 'Functions.fails' (Failed" in host.output()  # and failures always
        assert [each["attempt"] for each in host.records(function="fails")] == [0, 1, 2]
        assert {each["most"] for each in host.records(function="fails")} == {2}

        assert host.stop() == 0
        host.again()
        until(lambda: len(host.records(function="at_start")) == 2)
        assert len(host.records(function="yearly")) == 1
        assert not any(each["past_due"] for each in host.records(function="often"))


def test_one_worker_alone_runs_a_timer_and_another_takes_over(tmp_path: Path) -> None:
    """Azure's host holds a lease on a blob for it (singleton lock); workers here, a lock on a file."""
    with running_host("timers", tmp_path, "--workers", "2", environment={"OFTEN": "* * * * * *"}) as host:
        until(lambda: host.output().count("ready on") == 2 and len(host.records(function="often")) >= 3)
        [first] = {each["worker"] for each in host.records(function="often")}
        host.kill_worker(first)
        until(lambda: {each["worker"] for each in host.records(function="often")} - {first})
        assert host.stop() == 0


def test_nothing_but_http_works_before_storage_answers(tmp_path: Path) -> None:
    """`--after PORT`; Azure's host does not start without storage (functions-recover-storage-account)."""
    with socket.socket() as storage:
        storage.bind((HOST, 0))
        port = str(storage.getsockname()[1])
        with running_host("timers", tmp_path, "--after", port, environment={"OFTEN": "* * * * * *"}) as host:
            assert host.get("/admin/host/status").json()["state"] == "Running"
            assert "Executing 'Functions.often'" not in host.output()
            assert "Executing 'Functions.at_start'" not in host.output()
            storage.listen()
            until(lambda: host.records(function="often"))
            assert host.stop() == 0
