"""Signing in to Redis with Entra ID: the token is the password, and its object id the user's name.

A connection whose token expires is closed, unless it signs in again (AUTH) before
(learn.microsoft.com/azure/azure-cache-for-redis/cache-azure-active-directory-for-authentication).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import jwt
from redis.asyncio import ConnectionPool
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from redis.asyncio.connection import AbstractConnection

SCOPE = "https://redis.azure.com/.default"
MARGIN = 300.0  # seconds before its token expires that a connection signs in again
PATIENCE = 30.0  # seconds between two renewals of a connection, where the identity has no newer token yet


class RedisSignIn(CredentialProvider):
    """Gives a new connection its user and password, and renews those of one that has been open for long.

    Raises redis' AuthenticationError where the identity gets no token.
    """

    def __init__(self, credential: AsyncTokenCredential, now: Callable[[], float] = time.time) -> None:
        self._credential = credential
        self._now = now
        self._due: WeakKeyDictionary[AbstractConnection, float] = WeakKeyDictionary()  # when to sign in again
        self._expires = 0.0  # of the latest token

    async def get_credentials_async(self) -> tuple[str, str]:
        """User and password. The identity keeps its token until there is a newer one."""
        from azure.core.exceptions import AzureError

        try:
            token = await self._credential.get_token(SCOPE)
        except AzureError as failure:
            raise AuthenticationError("our identity gets no token for Redis") from failure
        self._expires = float(token.expires_on)
        # Our own token, which Redis verifies: only its name for us is read here.
        claims = jwt.decode(token.token, options={"verify_signature": False})
        return str(claims["oid"]), token.token

    async def renew(self, connection: AbstractConnection) -> None:
        """Sign in again on a connection whose token expires soon."""
        if connection not in self._due:
            self._due[connection] = self._expires - MARGIN
        elif self._now() >= self._due[connection]:
            user, token = await self.get_credentials_async()
            await connection.send_command("AUTH", user, token)
            await connection.read_response()
            self._due[connection] = max(self._expires - MARGIN, self._now() + PATIENCE)

    async def close(self) -> None:
        """Let go of the identity."""
        await self._credential.close()


class SignedInPool(ConnectionPool):
    """A pool whose connections are always signed in with a token that holds."""

    async def get_connection(self, *_: Any, **__: Any) -> AbstractConnection:  # whatever older callers say
        """A connection, signed in again where it is time for that."""
        connection: AbstractConnection = await super().get_connection()  # type: ignore[no-untyped-call]
        sign_in = self.connection_kwargs["credential_provider"]
        try:
            await sign_in.renew(connection)
        except BaseException:
            await connection.disconnect()  # what it was told and did not hear would answer the next question
            await self.release(connection)
            raise
        return connection
