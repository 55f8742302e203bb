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
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._call())
        await asyncio.shield(self._running)
