"""The whole local stack as a test sees it: started, killed, started again; and the people who use it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from local.connections import connection_settings
from local.identity.tokens import issue, signing_key
from local.paths import PROJECT
from local.ports import answers
from tests.ports import free_stack_ports

START_LIMIT = 90.0  # seconds, on a slow and busy machine


class Stack:
    """One stack with its own ports and state folder. `extra` are environment variables for this start only."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.ports = free_stack_ports()
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self.lines: list[str] = []
        self._more = asyncio.Condition()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def api(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.ports.host}/api"

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this stack sees."""
        return {**os.environ, **self._ours, **connection_settings(self.ports)}

    @property
    def _ours(self) -> dict[str, str]:
        return {"LOCAL_STATE_DIR": str(self.state), **self.ports.environment()}

    async def start(self, *arguments: str, **extra: str) -> None:
        """Start everything and wait for `ready`. `arguments` are those of `local run`."""
        self.lines = []
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local",
            "run",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=PROJECT,
            env={**self.environment, **extra},
            limit=1 << 20,
        )
        self._output = asyncio.create_task(self._read())
        await self.wait_for_line("ready after", START_LIMIT)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._more:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._more.notify_all()
        async with self._more:
            self.lines.append("(the stack's output ended)")
            self._more.notify_all()

    async def wait_for_line(self, text: str, seconds: float = 30) -> str:
        """The first line of output with this text in it; fails with the output if it does not come."""

        def found() -> str | None:
            return next((line for line in self.lines if text in line), None)

        try:
            async with asyncio.timeout(seconds), self._more:
                await self._more.wait_for(lambda: found() is not None or "output ended" in "".join(self.lines[-1:]))
        except TimeoutError:
            pass
        line = found()
        assert line is not None, f"no line with {text!r} within {seconds} s:\n" + "\n".join(self.lines[-60:])
        return line

    async def kill(self) -> None:
        """`kill -9` of every process of the stack, children first, so that none can end cleanly."""
        assert self._process is not None
        for pid in [*_children(self._process.pid), self._process.pid]:
            os.kill(pid, signal.SIGKILL)
        await self._ended()

    async def kill_supervisor(self) -> list[int]:
        """`kill -9` of the supervisor alone; the processes of the parts, as they were."""
        assert self._process is not None
        parts = _children(self._process.pid)
        self._process.kill()
        await self._ended()
        return parts

    async def kill_part(self, name: str) -> None:
        """`kill -9` of one part and its children; return once the supervisor has it up again."""
        [pid] = self._pids(name)
        for each in [*_children(pid), pid]:
            os.kill(each, signal.SIGKILL)
        await self._up_again(name, pid)

    async def end_part(self, name: str) -> None:
        """SIGTERM to one part, which is to end cleanly; return once the supervisor has it up again."""
        [pid] = self._pids(name)
        os.kill(pid, signal.SIGTERM)
        await self._up_again(name, pid)

    async def _up_again(self, name: str, ended: int) -> None:
        """The port of a dying process answers for a while yet."""
        await eventually(lambda: _gone(ended), START_LIMIT, f"the end of {name}")
        await eventually(lambda: answers(self._port(name)), START_LIMIT, f"the restart of {name}")

    def _pids(self, name: str) -> list[int]:
        assert self._process is not None
        marker = "azurite.js" if name == "azurite" else f"-m local.{name}"
        return [child for child in _children(self._process.pid) if marker in _command(child)]

    def _port(self, name: str) -> int:
        return {"azurite": self.ports.table}.get(name) or int(getattr(self.ports, name))

    async def keep_down(self, name: str, seconds: float) -> None:
        """Kill one part, and again whenever the supervisor starts it, for so long; return once it is up again."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for pid in self._pids(name):
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.1)  # a part takes longer than that to listen
        await eventually(lambda: answers(self._port(name)), START_LIMIT, f"the restart of {name}")

    async def stop(self) -> int:
        """End it as Ctrl-C does; the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        return await self._ended()

    async def _ended(self) -> int:
        assert self._process is not None
        code = await asyncio.wait_for(self._process.wait(), 60)
        if self._output is not None:
            await self._output
        return code

    def token(self, name: str, *roles: str, tenant: str = "sayzhong", expires: int = 3600) -> str:
        """A bearer token of this stack's identity provider."""
        with self._identity():
            return issue(name, list(roles) or ["learner"], tenant, expires)

    def partner_token(self, name: str, *scopes: str, tenant: str = "sayzhong") -> str:
        """A token as partners get it for their client credentials: scopes, and no role."""
        with self._identity():
            return issue(name, (), tenant, scope=" ".join(scopes))

    def signing_key(self) -> rsa.RSAPrivateKey:
        """The key with which this stack's identity provider signs."""
        with self._identity():
            return signing_key()

    @contextmanager
    def _identity(self) -> Iterator[None]:
        """The provider's own code, run here, finds its state and port in the environment."""
        before = {key: os.environ.get(key) for key in self._ours}
        os.environ.update(self._ours)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


def _children(pid: int) -> list[int]:
    """All descendants of a process, the deepest first."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    found: list[int] = []
    frontier = [pid]
    while frontier:
        frontier = [child for child, parent in parents.items() if parent in frontier]
        found = frontier + found
    return found


async def _gone(pid: int) -> bool:
    return not _command(pid)


def _command(pid: int) -> str:
    """The whole command line of a process; empty where it has ended."""
    return subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


async def eventually[T](look: object, seconds: float = 30, what: str = "it") -> T:
    """Call an async function until it gives something true."""
    ends = time.monotonic() + seconds
    while True:
        result = await look()  # type: ignore[operator]
        if result:
            return result  # type: ignore[no-any-return]
        assert time.monotonic() < ends, f"{what} did not happen within {seconds} s"
        await asyncio.sleep(0.1)
