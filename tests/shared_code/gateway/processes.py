"""Processes that a test starts, steers and kills."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

import aiohttp

from local.paths import PROJECT
from tests.ports import accepts, free_ports

HERE = "tests.shared_code.gateway"


class Process:
    """A module of this folder as a process that listens on `port`."""

    def __init__(self, module: str, **environment: str) -> None:
        (self.port,) = free_ports(1)
        self._module = module
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._http = aiohttp.ClientSession(f"http://127.0.0.1:{self.port}")

    async def start(self) -> None:
        """Start it, or start it again on its port."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{HERE}.{self._module}", str(self.port)],
            cwd=PROJECT,
            env={**os.environ, **self._environment},
        )
        assert await asyncio.to_thread(accepts, self.port), f"{self._module} did not come up"

    def kill(self) -> None:
        """`kill -9`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()
        self.kill()


class Upstream(Process):
    """An instance of a service."""

    def __init__(self, name: str) -> None:
        super().__init__("upstream_process")
        self.name = name
        self.url = f"http://127.0.0.1:{self.port}/base"

    async def set(self, **behaviour: Any) -> None:
        """Change its `status` or `delay` (seconds)."""
        async with self._http.post("/control", json=behaviour):
            pass

    async def seen(self) -> int:
        """How many requests have reached it since it started."""
        async with self._http.get("/seen") as answer:
            return int(await answer.json())


class GatewayProcess(Process):
    """A gateway that shares its state with others over Azurite, breakers and limits over Redis where a URL is given.

    `limits` are changes to the usual ones; `effects` is the file that has a line for each session that was started.
    """

    def __init__(
        self, *, issuer: str, storage: str, table: str, redis: str = "", limits: str = "", effects: str = os.devnull
    ) -> None:
        super().__init__(
            "gateway_process",
            ISSUER=issuer,
            STORAGE=storage,
            TABLE=table,
            REDIS=redis,
            LIMITS=limits,
            EFFECTS=effects,
        )

    async def start_session(self, token: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to a new session."""
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        async with self._http.post("/api/v1/sessions", headers=sent, data=b"{}") as answer:
            return answer.status, await answer.json(content_type=None)

    async def ask(self, token: str, **headers: str) -> int:
        """The status of a request to the service `content`."""
        sent = {"Authorization": f"Bearer {token}", **headers}
        async with self._http.get("/api/v1/content/items", headers=sent) as answer:
            await answer.read()
            return answer.status
