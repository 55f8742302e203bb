"""How the host starts, refuses to start, reloads, scales and ends.

What Core Tools do: learn.microsoft.com/azure/azure-functions/functions-run-local.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.paths import PROJECT
from local.ports import HOST
from local.settings_file import SettingsUnreadable, load
from tests.local.host.running import running_host, until
from tests.ports import free_stack_ports

START = """
import asyncio
import os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="who")
async def who(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"{os.getpid()} {os.environ.get('OWN')} {os.environ.get('OTHER')}")
"""
QUEUE = """
@app.queue_trigger(arg_name="message", queue_name="q", connection="AzureWebJobsStorage")
async def queued(message: func.QueueMessage) -> None: ...
"""
ANNOTATED = """
@app.route(route="annotated")
async def annotated(req: dict[str, str]) -> func.HttpResponse: ...
"""
ENDLESS = """
@app.route(route="endless")
async def endless(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(600)
"""


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., Path]:
    def write(*code: str, **files: object) -> Path:
        folder = tmp_path / "app"
        folder.mkdir()
        (folder / "function_app.py").write_text("".join(code))
        for name, content in files.items():
            (folder / f"{name.replace('_', '.')}.json").write_text(json.dumps(content))
        return folder

    return write


def refused(folder: Path, **environment: str) -> str:
    """Start the host, which must give up with exit code 1; what it printed."""
    ports = free_stack_ports().environment()
    state = {"LOCAL_STATE_DIR": str(folder / "state")}
    command = [sys.executable, "-m", "local.host", "--app", str(folder)]
    ended = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **ports, **state, **environment}, capture_output=True, timeout=60
    )
    assert ended.returncode == 1
    return (ended.stdout + ended.stderr).decode()


def test_an_app_without_bus_and_orchestrations_needs_neither(app: Callable[..., Path], tmp_path: Path) -> None:
    """Nothing else listens here. Without a host.json the route prefix is `api`; settings come from
    local.settings.json, and the environment wins, as with Core Tools.
    """
    values = {"OWN": "of the file", "OTHER": "of the file"}
    folder = app(START, local_settings={"IsEncrypted": False, "Values": values})
    with running_host(folder, tmp_path / "host", environment={"OTHER": "of the environment"}) as host:
        assert host.get("/api/who").body.split(b" ", 1)[1] == b"of the file of the environment"
        assert host.stop() == 0
        assert "WARNING" not in host.output()


def test_the_settings_file_is_made_from_the_sample(tmp_path: Path) -> None:
    """Once; readable by its owner alone, since people put keys into it."""
    sample = tmp_path / "local.settings.sample.json"
    sample.write_text('{"IsEncrypted": false, "Values": {"A": "1"}}')
    environment: dict[str, str] = {}
    load(tmp_path, environment)
    assert environment == {"A": "1"}
    made = tmp_path / "local.settings.json"
    assert made.stat().st_mode & 0o777 == 0o600
    made.write_text('{"Values": {"A": "2"}}')
    sample.write_text('{"Values": {"A": "1", "LEARNT_SINCE": "3"}}')
    load(tmp_path, environment := {})
    assert environment == {"A": "2", "LEARNT_SINCE": "3"}


@pytest.mark.parametrize("text", ["{", "[]", '{"IsEncrypted": true, "Values": {}}', '{"Values": {"A": 1}}'])
def test_a_settings_file_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    """Encrypted ones too, which only Core Tools can read."""
    (tmp_path / "local.settings.json").write_text(text)
    with pytest.raises(SettingsUnreadable, match=r"local\.settings\.json"):
        load(tmp_path, {})


def test_an_app_that_cannot_be_imported_stops_the_start_with_its_traceback(app: Callable[..., Path]) -> None:
    """The worker's own message."""
    output = refused(app(START, "import no_such_module\n"))
    assert "ModuleNotFoundError: No module named 'no_such_module'" in output
    assert "function_app.py" in output


def test_a_function_that_does_not_index_stops_the_start_with_the_workers_message(app: Callable[..., Path]) -> None:
    """FunctionLoadError of azure-functions-runtime."""
    assert "FunctionLoadError: cannot load the annotated function" in refused(app(START, ANNOTATED))


def test_a_binding_that_the_host_does_not_know_is_refused_in_one_line(app: Callable[..., Path]) -> None:
    """At start, never silently ignored."""
    errors = [line for line in refused(app(START, QUEUE)).splitlines() if " ERROR " in line]
    assert len(errors) == 1
    assert "Function 'queued': the local host does not know the in binding type 'queueTrigger'" in errors[0]


def test_a_folder_without_an_app_is_refused(tmp_path: Path) -> None:
    """It names the file that it looked for."""
    assert f"There is no function_app.py in {tmp_path}" in refused(tmp_path)


def test_host_json_sets_the_route_prefix_and_the_time_that_a_function_may_take(
    app: Callable[..., Path], tmp_path: Path
) -> None:
    """functions-host-json: `extensions.http.routePrefix`, `functionTimeout`."""
    options = {"version": "2.0", "functionTimeout": "00:00:01", "extensions": {"http": {"routePrefix": ""}}}
    with running_host(app(START, ENDLESS, host=options), tmp_path / "host") as host:
        assert host.get("/who").status == 200
        assert host.get("/endless").status == 500
        assert "TimeoutError: functionTimeout of 1 s exceeded" in host.output()


def test_a_port_that_is_taken_is_named_in_one_line(app: Callable[..., Path]) -> None:
    """Whatever holds it."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"cannot listen on port {port}" in refused(app(START), LOCAL_PORT_HOST=str(port))


def test_a_change_of_the_app_is_picked_up_and_a_broken_one_survived(app: Callable[..., Path], tmp_path: Path) -> None:
    """`--watch`: a file that does not load leaves the host waiting for the next change."""
    folder = app(START)
    with running_host(folder, tmp_path / "host", "--watch") as host:
        (folder / "function_app.py").write_text("import broken_by_hand\n")
        until(lambda: "waiting for a change of the app" in host.output())
        (folder / "function_app.py").write_text(START.replace('route="who"', 'route="fresh"'))
        until(lambda: host.output().count("ready on") == 2)
        assert host.get("/api/fresh").status == 200
        assert host.stop() == 0


def test_workers_share_the_port_and_live_and_die_as_one(app: Callable[..., Path], tmp_path: Path) -> None:
    """`--workers`: as several instances do; a killed one is replaced, and none outlives its parent."""
    with running_host(app(START), tmp_path / "host", "--workers", "2") as host:

        def workers() -> set[int]:
            return {int(host.get("/api/who").body.split()[0]) for _ in range(20)}

        until(lambda: len(workers()) == 2)
        before = workers()
        host.kill_worker(min(before))
        until(lambda: "was killed by signal 9" in host.output())
        until(lambda: host.output().count("ready on") == 3)
        until(lambda: len(workers()) == 2 and workers() != before)

        host.kill()

        def free() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((HOST, host.ports.host)) != 0

        until(free)
