"""One call at a time, shared by all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class SingleFlight:
    """Runs `call` when asked; those who ask while it runs get the outcome of that run."""

    def __init__(self, call: Callable[[], Awaitable[None]]) -> None:
        self._call = call
        self._running: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Wait for a run, one's own or the one under way. Leaving early does not stop it for the others."""
        await asyncio.shield(self.start())

    def start(self) -> asyncio.Future[None]:
        """Have a run under way, without waiting for it."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._call())
        return self._running

    async def settle(self) -> None:
        """Wait for the run that is under way, if there is one, whatever comes of it."""
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)
