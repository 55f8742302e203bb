"""The public keys of one OpenID provider, cached without ever stalling a request that has its key.

PyJWT's own client fetches synchronously under a lock, which would stop every request of an async worker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import jwt

from shared_code.domain.errors import Unavailable

log = logging.getLogger(__name__)

FRESH = 600.0  # seconds that keys are used without asking again
HARD_LIMIT = 86_400.0  # seconds after which keys are not trusted any more, whatever the provider's state
COOL_DOWN = 30.0  # seconds between two fetches that unknown key ids or stale keys can cause
OUTAGE_COOL_DOWN = 1.0  # seconds between two fetches while there are no keys at all


class Fetch(Protocol):
    """Gets a provider's keys by key id. Raises Unavailable."""

    async def __call__(self) -> dict[str, jwt.PyJWK]:
        """Ask the provider."""
        ...


class IssuerKeys:
    """One issuer's keys, cached: stale while revalidating, one fetch at a time.

    Unknown key ids cause one fetch a cool-down, and keys past the hard limit are not used. A provider
    that publishes a key and signs with it at once can thus be refused for up to `COOL_DOWN` seconds.
    """

    def __init__(self, issuer: str, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._fetch = fetch
        self._now = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -float("inf")
        self._tried_at = -float("inf")
        self._flight: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this id, or None when the provider has none.

        Raises Unavailable when there are no keys young enough to be trusted and none can be fetched.
        """
        await self._trusted()
        if key_id not in self._keys and self._may_try():
            await self._joined()
        return self._keys.get(key_id)

    async def healthy(self) -> bool:
        """Whether there are keys to trust, asking the provider if need be."""
        try:
            await self._trusted()
        except Unavailable:
            return False
        return True

    async def close(self) -> None:
        """Give up a fetch that is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    def _may_try(self) -> bool:
        return self._flight is not None or self._now() - self._tried_at > COOL_DOWN

    def _age(self) -> float:
        return self._now() - self._fetched_at

    async def _trusted(self) -> None:
        """Make sure that the keys are young enough, without waiting where they still are."""
        if self._age() > HARD_LIMIT:
            # Without any keys the cool-down is short: every caller is waiting for them.
            if self._flight is not None or self._now() - self._tried_at > OUTAGE_COOL_DOWN:
                await self._joined()
            if self._age() > HARD_LIMIT:
                raise Unavailable("Tokens cannot be verified now.", code="identity-unavailable", retry_after=5)
        elif self._age() > FRESH and self._may_try():
            self._start()  # and answer from what is there

    async def _joined(self) -> None:
        """Wait for the fetch that is under way, or for a new one. Its failure is only logged."""
        await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[None]:
        if self._flight is None:
            self._tried_at = self._now()
            self._flight = asyncio.create_task(self._refresh())
        return self._flight

    async def _refresh(self) -> None:
        try:
            self._keys = await self._fetch()
            self._fetched_at = self._now()
        except Unavailable as failure:
            log.warning("identity.keys_unavailable", extra={"issuer": self.issuer, "reason": str(failure)})
        finally:
            self._flight = None
