"""`python -m local`: starting, looking, a part that dies, and the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from local.connections import connection_settings
from local.paths import PROJECT
from local.ports import Ports
from tests.e2e.people import api_of
from tests.e2e.stack import Stack, eventually


async def _local(stack: Stack, *arguments: str, **extra: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "local",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT,
        env=stack.environment | extra,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_part_that_dies_is_restarted_and_said_so(own_stack: Stack) -> None:
    """Every part is up, one is killed, all are up again; `status` tells all the way; Ctrl-C ends it cleanly."""
    stack = own_stack
    await stack.start()
    code, out, _ = await _local(stack, "status", "--json")
    assert code == 0
    parts = json.loads(out)["parts"]
    assert [part["name"] for part in parts] == ["azurite", "servicebus", "signalr", "identity", "durable", "host"]
    assert all(part["up"] for part in parts)

    async def ready() -> bool:
        async with api_of(stack, "somebody") as api:
            status, answer, _ = await api.call("GET", "/api/health/ready")
        return status == 200 and set(answer["checks"].values()) == {"up"}

    await eventually(ready, what="readiness")
    listing = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    mine = [line.split(None, 1) for line in listing.splitlines() if "local.identity" in line]
    [pid] = [int(pid) for pid, _ in mine if _port_of(int(pid)) == stack.ports.identity]
    os.kill(pid, signal.SIGKILL)
    await stack.wait_for_line("Identity provider ended with code -9; starting it again")

    async def back() -> bool:
        return (await _local(stack, "status"))[0] == 0

    await eventually(back, what="the identity provider")
    log = stack.state / "logs" / "host.log"

    async def ticked() -> bool:
        return "Executed 'Functions.timer_" in log.read_text()

    await eventually(ticked, what="a timer's run in the log")
    assert not [line for line in stack.lines if "Functions.timer_" in line]  # the console is for what people do
    assert await stack.stop() == 0
    assert "stopping" in log.read_text()
    code, out, _ = await _local(stack, "status")
    assert code == 1
    assert out.count("down") == 6


def _port_of(pid: int) -> int:
    """The identity port that a process was given."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        environ = dict(entry.split("=", 1) for entry in file.read().decode().split("\0") if "=" in entry)
    return Ports.from_environment(environ).identity


CORE_TOOLS = f"""#!{sys.executable}
import http.server, json, os, sys
seen = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
with open(os.environ["SEEN"], "w") as file:
    json.dump(seen, file)
print("x" * 3_000_000)
print("after the long line")
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler).serve_forever()
"""


async def test_core_tools_run_the_app_with_the_same_local_services(own_stack: Stack, tmp_path: Path) -> None:
    """`func start` (functions-run-local): what it is given, as a stand-in on the PATH sees it."""
    stack, func, seen = own_stack, tmp_path / "func", tmp_path / "seen"
    func.write_text(CORE_TOOLS)
    func.chmod(0o755)
    await stack.start("--host", "func", PATH=f"{tmp_path}:{os.environ['PATH']}", SEEN=str(seen))
    await stack.wait_for_line("host | after the long line")
    assert await stack.stop() == 0
    given = json.loads(seen.read_text())
    assert given["arguments"] == ["start", "--port", str(stack.ports.host)]
    assert given["folder"] == str(PROJECT)
    environment = given["environment"]
    assert environment["languageWorkers__python__defaultExecutablePath"] == sys.executable
    settings = connection_settings(stack.ports)
    assert {name: environment[name] for name in settings} == settings  # what is in the environment, it leaves alone
    stored = json.loads((PROJECT / "local.settings.json").read_text())["Values"]
    assert stored["FUNCTIONS_WORKER_RUNTIME"] == "python"


async def test_core_tools_that_are_not_there_are_named(own_stack: Stack, tmp_path: Path) -> None:
    """One line, before anything starts."""
    code, out, err = await _local(own_stack, "run", "--host", "func", PATH=str(tmp_path))
    assert (code, out) == (1, "")
    assert err.strip() == "Azure Functions Core Tools ('func') are not on the PATH."


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_a_killed_supervisor_leaves_no_orphan(own_stack: Stack) -> None:
    """PR_SET_PDEATHSIG (prctl(2)): whoever kills the stack need not look for its parts."""
    await own_stack.start()
    parts = await own_stack.kill_supervisor()
    assert len(parts) >= 6

    async def gone() -> bool:
        return not any(Path(f"/proc/{pid}/cmdline").exists() for pid in parts)

    await eventually(gone, what="the end of the parts")


async def test_a_taken_port_is_named_before_anything_starts(own_stack: Stack) -> None:
    """One line with the part and the port, and nothing runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", own_stack.ports.signalr))
        taken.listen()
        code, out, err = await _local(own_stack, "run")
    assert code == 1
    assert out == ""
    [line] = err.splitlines()
    assert f"SignalR Service ({own_stack.ports.signalr})" in line


async def test_a_part_that_cannot_start_ends_the_stack_with_its_last_line(own_stack: Stack) -> None:
    """State of another version stays as it is: what to do about it is said once, not for ever."""
    state = own_stack.state / "servicebus.sqlite3"
    with closing(sqlite3.connect(state)) as database:
        database.execute("PRAGMA user_version = 1")
    code, _, err = await _local(own_stack, "run")
    assert code == 1
    [line] = err.splitlines()
    assert line.startswith("Service Bus cannot start: ")
    assert f"{state} has format 1" in line


async def test_a_second_stack_does_not_touch_the_state_of_the_first(own_stack: Stack) -> None:
    """One line, wherever its ports are; the first goes on, also for `status`."""
    await own_stack.start()
    code, out, err = await _local(own_stack, "run", "--port-base", "1")
    assert code == 1
    assert out == ""
    [line] = err.splitlines()
    assert "runs from" in line
    assert (await _local(own_stack, "status"))[0] == 0


async def test_ports_that_do_not_exist_are_refused(own_stack: Stack) -> None:
    code, _, err = await _local(own_stack, "run", "--port-base", "65530")
    assert (code, err) == (1, "The port of 'identity' would be 65536: ports are 1 to 65535.\n")


async def test_a_token_is_made_without_a_running_stack(own_stack: Stack) -> None:
    """`token` needs no provider; what it cannot make it says in one line."""
    code, out, _ = await _local(own_stack, "token", "mei", "--role", "learner", "--role", "teacher", "--expires", "60")
    assert code == 0
    assert out.count(".") == 2
    code, _, err = await _local(own_stack, "token", "no/such name")
    assert code == 1
    assert len(err.splitlines()) == 1
