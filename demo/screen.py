"""The learner's screen: a node process with the official SignalR client, and the messages it has shown."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from local.paths import PROJECT

Message = dict[str, Any]


class Screen:
    """Everything pushed to one client, in order of arrival."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._arrived = asyncio.Condition()
        self.messages: list[Message] = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, url: str, access_token: str) -> Self:
        """Start the client and wait until it is connected."""
        process = await asyncio.create_subprocess_exec(
            "node",
            str(PROJECT / "demo" / "listener.js"),
            url,
            access_token,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
        )
        screen = cls(process)
        if await screen.wait_for(lambda message: message["type"] == "connected", 15) is None:
            await screen.close()
            raise RuntimeError("the SignalR client could not connect")
        return screen

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._arrived:
                self.messages.append({**json.loads(line), "arrived": time.monotonic()})
                self._arrived.notify_all()

    async def wait_for(self, matches: Callable[[Message], bool], seconds: float) -> Message | None:
        """The first message that matches, shown already or within so many seconds; None if there is none."""

        def found() -> Message | None:
            return next((message for message in self.messages if matches(message)), None)

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._arrived:
                await self._arrived.wait_for(lambda: found() is not None)
        return found()

    async def close(self) -> None:
        """Disconnect and end the client."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
        self._reader.cancel()
