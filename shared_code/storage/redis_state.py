"""Shared state in Redis: one hash a value, each write under a version of its own."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from shared_code.domain.errors import Conflict, Unavailable
from shared_code.resilience.shared_state import Stored
from shared_code.storage.redis_connections import RedisConnections

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "sayzhong"
TIMEOUT = 0.5  # seconds
KEPT = 24 * 3600  # seconds after the last write: what nobody has written for a day is nobody's state
CONNECTIONS = 64  # more than ever ask at once: breakers do so in the background, one question an instance

# KEYS: the value. ARGV: the version it must have ("" for none), the version and value to write, seconds to keep them.
_WRITE = """
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'value', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class RedisState:
    """Values changed by compare-and-set, each forgotten a day after its last write. Raises Unavailable in an outage."""

    def __init__(self, connections: RedisConnections) -> None:
        self._connections = connections
        self._opened: Redis | None = None

    async def get(self, partition: str, key: str) -> Stored | None:
        """The value, or None."""
        with _failures():
            found = await cast("Awaitable[list[Any]]", self._redis.hmget(_name(partition, key), ["version", "value"]))
        version, value = found
        return Stored(key, value, version.decode()) if version is not None else None

    async def create(self, partition: str, key: str, value: bytes) -> Stored:
        """Write a value that must not be there yet. Raises Conflict where it is."""
        return await self._write(partition, key, "", value)

    async def replace(self, partition: str, read: Stored, value: bytes) -> Stored:
        """Write over what was read. Raises Conflict where it has changed or gone since."""
        return await self._write(partition, read.key, read.version, value)

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.aclose()
            self._opened = None

    async def _write(self, partition: str, key: str, version: str, value: bytes) -> Stored:
        name, ours = _name(partition, key), secrets.token_hex(8)
        with _failures():
            written = await cast("Awaitable[int]", self._redis.eval(_WRITE, 1, name, version, ours, value, str(KEPT)))
        if not written:
            raise Conflict("It has changed.")
        return Stored(key, value, ours)

    @property
    def _redis(self) -> Redis:
        if self._opened is None:
            from redis.asyncio import Redis

            self._opened = Redis.from_pool(self._connections(CONNECTIONS, TIMEOUT))
        return self._opened


@contextmanager
def _failures() -> Iterator[None]:
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError, TimeoutError) as failure:
        raise Unavailable("The shared state does not answer.") from failure


def _name(partition: str, key: str) -> str:
    return f"{PREFIX}:{partition}:{key}"
