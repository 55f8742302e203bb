"""Counts requests: in Redis where configured, so that all instances share the count, else in this process.

Sliding windows of two counters (limits.readthedocs.io, "Sliding Window Counter"): the count of the previous window is
weighted by how much of it still overlaps, so a limit can be off by what came unevenly in that window, never doubled at
a window's edge. Without Redis each process counts for itself: N processes let up to N times as much through.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.gateway.limiting.policies import Policy
from shared_code.gateway.metrics import rate_limit_store_failures

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.storage import Storage
    from limits.aio.strategies import SlidingWindowCounterRateLimiter
    from redis.asyncio import ConnectionPool

Connect = Callable[[int, float], "ConnectionPool"]
"""Opens a pool of at most so many connections to Redis, with so many seconds for each step."""

log = logging.getLogger(__name__)

STORE_TIMEOUT = 0.5  # seconds that a decision may take in Redis
STORE_REST = 5.0  # seconds that Redis is left alone after a failure
STORE_CONNECTIONS = 16  # a connection costs more to open than a decision to make


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands with one policy: what is left, and in how many seconds more will be."""

    policy: Policy
    remaining: int
    reset: int


class RateLimiter:
    """Fails open: when the store does not answer, requests pass, a metric counts it, and the store gets a rest."""

    def __init__(self, policies: Mapping[str, Policy], connect: Connect | None = None) -> None:
        self._policies = dict(policies)
        self._connect = connect
        self._strategy: SlidingWindowCounterRateLimiter | None = None
        self._items: dict[str, RateLimitItem] = {}
        self._rests_until = 0.0  # while the store answers
        self._probing = False
        self._crowd = asyncio.Semaphore(STORE_CONNECTIONS)
        self._connections: ConnectionPool | None = None

    async def exceeded(self, *counts: tuple[str, str]) -> Standing | None:
        """Count one request for each (policy, key). Returns the first policy that does not allow it, if any."""
        return await self._guarded(lambda: self._count_all(counts))

    async def full(self, policy: str, key: str) -> Standing | None:
        """Whether a policy would not allow one more, without counting it."""
        return await self._guarded(lambda: self._look(policy, key))

    async def standing(self, policy: str, key: str) -> Standing | None:
        """Where a caller stands; None when the store does not answer."""
        return await self._guarded(lambda: self._standing(policy, key))

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._connections is not None:
            await self._connections.aclose()

    async def _count_all(self, counts: tuple[tuple[str, str], ...]) -> Standing | None:
        strategy = self._limits()
        for policy, key in counts:
            if not await strategy.hit(self._item(policy), key):
                return await self._standing(policy, key)
        return None

    async def _look(self, policy: str, key: str) -> Standing | None:
        if await self._limits().test(self._item(policy), key):
            return None
        return await self._standing(policy, key)

    async def _standing(self, policy: str, key: str) -> Standing:
        reset, remaining = await self._limits().get_window_stats(self._item(policy), key)
        return Standing(self._policies[policy], int(remaining), max(1, math.ceil(reset - time.time())))

    async def _guarded[T](self, work: Callable[[], Awaitable[T]]) -> T | None:
        if self._rests():
            return None
        async with self._crowd:  # waiting here is not the store's failure
            if self._rests():
                return None
            self._limits()  # the first time it imports the store's client, which is not the store's slowness
            return await self._timed(work)

    async def _timed[T](self, work: Callable[[], Awaitable[T]]) -> T | None:
        from limits.errors import StorageError

        self._probing = self._rests_until > 0
        try:
            async with asyncio.timeout(STORE_TIMEOUT):
                answer = await work()
            self._rests_until = 0.0
            return answer
        except (StorageError, TimeoutError) as failure:
            self._rests_until = time.monotonic() + STORE_REST
            rate_limit_store_failures.add(1)
            log.warning("rate_limit.store_failed", extra={"reason": type(failure).__name__})
            return None
        finally:
            self._probing = False

    def _rests(self) -> bool:
        """Whether the store is left alone: for a while after a failure, and then until one decision got an answer."""
        return self._rests_until > 0 and (self._probing or time.monotonic() < self._rests_until)

    def _limits(self) -> SlidingWindowCounterRateLimiter:
        if self._strategy is None:
            from limits.aio.strategies import SlidingWindowCounterRateLimiter

            self._strategy = SlidingWindowCounterRateLimiter(self._storage())
        return self._strategy

    def _storage(self) -> Storage:
        if self._connect is None:
            from limits.aio.storage.memory import MemoryStorage

            return MemoryStorage()
        from limits.aio.storage.redis import RedisStorage

        self._connections = self._connect(STORE_CONNECTIONS, STORE_TIMEOUT)
        return RedisStorage(
            "async+redis://",  # the connections know better
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="sayzhong",
            connection_pool=self._connections,  # type: ignore[arg-type]  # typed too narrowly
        )

    def _item(self, name: str) -> RateLimitItem:
        item = self._items.get(name)
        if item is None:
            from limits import RateLimitItemPerSecond

            policy = self._policies[name]
            item = self._items[name] = RateLimitItemPerSecond(policy.amount, policy.seconds, namespace=policy.name)
        return item
