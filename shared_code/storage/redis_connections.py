"""Connections to one Redis, and who signs in there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

    from shared_code.storage.redis_sign_in import RedisSignIn


class RedisConnections:
    """Opens pools of connections to the Redis at `url`.

    Where the URL is `rediss://` without a password, our managed identity signs in with Entra ID, as in Azure Managed
    Redis and Azure Cache for Redis; `client_id` names a user-assigned one. `sign_in` takes its place.
    """

    def __init__(self, url: str, client_id: str = "", *, sign_in: RedisSignIn | None = None) -> None:
        self._url = url
        self._client_id = client_id
        self._sign_in = sign_in

    def __call__(self, size: int, timeout: float) -> ConnectionPool:
        """A pool of at most so many connections; seconds for each step. Its owner closes it, and asks for no more."""
        from redis.asyncio import ConnectionPool

        limits = {
            "max_connections": size,
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
        }
        sign_in = self._signing_in()
        if sign_in is None:
            return ConnectionPool.from_url(self._url, **limits)
        from shared_code.storage.redis_sign_in import SignedInPool

        return SignedInPool.from_url(self._url, credential_provider=sign_in, **limits)

    async def close(self) -> None:
        """Let go of the identity."""
        if self._sign_in is not None:
            await self._sign_in.close()

    def _signing_in(self) -> RedisSignIn | None:
        parts = urlsplit(self._url)
        if self._sign_in is None and parts.scheme == "rediss" and parts.password is None:
            from shared_code.storage.identity import identity
            from shared_code.storage.redis_sign_in import RedisSignIn

            self._sign_in = RedisSignIn(identity(self._client_id))
        return self._sign_in
