"""Starts upstream, our gateway and its peers, each on its core."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway.cores import MEASURED, OTHER, start
from benchmarks.gateway.parts import Parts
from benchmarks.gateway.peers import installed
from local.paths import PROJECT
from tests.ports import accepts, free_ports

HERE = Path(__file__).parent
UP_WITHIN = 240.0  # seconds: LiteLLM imports for long


@dataclass(frozen=True)
class Target:
    """One thing to ask: where, what and with which headers. `name` stands in the table."""

    name: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


class Starting:
    """Starts processes and keeps them, to be ended."""

    def __init__(self, around: Parts) -> None:
        self._around = around
        self._processes: list[subprocess.Popen[bytes]] = []

    def end(self) -> None:
        """End all of them."""
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()

    def module(self, name: str, core: int, **environment: str) -> int:
        """A module of ours that takes its port as its argument."""
        (port,) = free_ports(1)
        command = [sys.executable, "-m", f"benchmarks.gateway.{name}", str(port)]
        return self.command(command, port, core=core, cwd=PROJECT, **environment)

    def command(self, command: list[str], port: int, *, core: int, cwd: Path, **environment: str) -> int:
        """Any process that comes to listen on this port."""
        output = self._around.folder / f"{Path(command[-1]).name}-{port}.log"
        self._processes.append(start(command, core=core, output=output, cwd=cwd, **environment))
        if not accepts(port, within=UP_WITHIN):
            raise RuntimeError(f"{command[0]} did not come up:\n{output.read_text(errors='replace')[-3000:]}")
        return port


@contextlib.contextmanager
def starting(around: Parts) -> Iterator[Starting]:
    """What is started is ended."""
    started = Starting(around)
    try:
        yield started
    finally:
        started.end()


def plain_targets(around: Parts, starting: Starting, upstream: str) -> Iterator[Target]:
    """The plain route: through nothing, through us, through what one would take instead."""
    bearer = {"Authorization": f"Bearer {around.provider.token()}"}
    yield Target("the upstream itself", f"{upstream}/bench/me", {})
    environment = {"ISSUER": around.provider.issuer, "STORAGE": around.storage, "UPSTREAM": upstream}
    ours = starting.module("serve", MEASURED, **environment)
    yield Target("ours, a service of the process", f"http://127.0.0.1:{ours}/api/v1/bench/me", bearer)
    yield Target("ours, forwarding", f"http://127.0.0.1:{ours}/api/v1/remote/me", bearer)
    if (python := installed.python_of("fastapi", *installed.FASTAPI)) is None:
        print("   FastAPI cannot be installed here")
        return
    (port,) = free_ports(1)
    log = around.folder / "access.log"
    command = [str(python), "-m", "uvicorn", "--port", str(port), "--no-access-log", "fastapi_stack:app"]
    starting.command(command, port, core=MEASURED, cwd=HERE, ACCESS_LOG=str(log), **environment)
    yield Target("FastAPI + PyJWT + limits, forwarding", f"http://127.0.0.1:{port}/api/v1/remote/me", bearer)
    if (program := installed.nginx()) is None:
        print("   nginx with auth_request is not installed here")
        return
    entry = _nginx(around, starting, program, auth=port, upstream=int(upstream.rpartition(":")[2]))
    yield Target("nginx, auth_request to that, forwarding", f"http://127.0.0.1:{entry}/api/v1/remote/me", bearer)


def chat_targets(around: Parts, starting: Starting, upstream: str) -> Iterator[Target]:
    """The AI route, each forwarding to the same model."""
    body = b'{"model": "bench", "messages": [{"role": "user", "content": "Say hello in Chinese."}]}'
    json, path = {"Content-Type": "application/json"}, "/chat/completions"
    yield Target("the upstream itself", f"{upstream}/v1{path}", json, body)
    environment = {"ISSUER": around.provider.issuer, "STORAGE": around.storage, "UPSTREAM": upstream}
    ours = starting.module("serve", MEASURED, **environment)
    bearer = {"Authorization": f"Bearer {around.provider.token()}"}
    yield Target(
        "ours: token, limits, records", f"http://127.0.0.1:{ours}/api/v1/chat/completions", json | bearer, body
    )
    if (script := installed.portkey()) is not None:
        (port,) = free_ports(1)
        trusted = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
        command = ["node", str(script), "--headless", f"--port={port}"]
        starting.command(command, port, core=MEASURED, cwd=around.folder, **trusted)
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream}/v1"}
        headers |= json | {"Authorization": "Bearer none"}
        yield Target("Portkey: no token, no limits", f"http://127.0.0.1:{port}/v1{path}", headers, body)
    else:
        print("   Portkey cannot be installed here")
    if (python := installed.python_of("litellm", *installed.LITELLM)) is not None:
        (port,) = free_ports(1)
        command = [str(python.with_name("litellm")), "--config", str(HERE / "litellm.yaml"), "--port", str(port)]
        offline = {"UPSTREAM_BASE": f"{upstream}/v1", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        starting.command(command, port, core=MEASURED, cwd=around.folder, **offline)
        headers = json | {"Authorization": "Bearer sk-bench"}
        yield Target("LiteLLM: master key, no limits", f"http://127.0.0.1:{port}/v1{path}", headers, body)
    else:
        print("   LiteLLM cannot be installed here")


def _nginx(around: Parts, starting: Starting, program: str, *, auth: int, upstream: int) -> int:
    (port,) = free_ports(1)
    text = (HERE / "nginx.conf").read_text()
    for name, value in (("FOLDER", around.folder), ("AUTH", auth), ("UPSTREAM", upstream), ("PORT", port)):
        text = text.replace(name, str(value))
    configuration = around.folder / "nginx.conf"
    configuration.write_text(text)
    command = [program, "-p", str(around.folder), "-c", str(configuration)]
    return starting.command(command, port, core=MEASURED, cwd=around.folder)


def upstream_url(starting: Starting) -> str:
    """Start what all stand before, on the other core."""
    return f"http://127.0.0.1:{starting.module('upstream', OTHER)}"
