"""Whether what the app needs answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from shared_code.domain.errors import Unavailable

log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[bool]]
TIMEOUT = 2.0  # seconds that one check may take
KEPT = 2.0  # seconds that a result is used again: the route is public, and what it asks must not be flooded through it


class Readiness:
    """Checks everything that the app needs: all at once, one round at a time, the result kept for a moment."""

    def __init__(self, checks: Mapping[str, Check], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._checks = dict(checks)
        self._now = monotonic
        self._result: dict[str, bool] = {}
        self._checked_at = -float("inf")
        self._turn = asyncio.Lock()

    async def report(self) -> dict[str, object]:
        """Say that everything answers. Raises Unavailable, naming what does not."""
        async with self._turn:
            if self._now() - self._checked_at > KEPT:
                self._result = dict(zip(self._checks, await self._round(), strict=True))
                self._checked_at = self._now()
        checks = {name: "up" if up else "down" for name, up in self._result.items()}
        down = [name for name, up in self._result.items() if not up]
        if down:
            raise Unavailable(
                f"Not ready: {', '.join(down)} down.", code="not-ready", retry_after=5, extra={"checks": checks}
            )
        return {"status": "ready", "checks": checks}

    async def _round(self) -> list[bool]:
        tried = (asyncio.wait_for(check(), TIMEOUT) for check in self._checks.values())
        outcomes = await asyncio.gather(*tried, return_exceptions=True)
        return [self._up(name, outcome) for name, outcome in zip(self._checks, outcomes, strict=True)]

    def _up(self, name: str, outcome: bool | BaseException) -> bool:
        """A check that raises, whatever it raises, is a check that failed."""
        if isinstance(outcome, BaseException):
            log.warning("health.check_failed", extra={"check": name, "reason": type(outcome).__name__})
            return False
        return outcome
