"""Signing in to Redis with a token, as in Azure: a real Redis whose user has the token for a password."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest
from aiohttp import web
from azure.identity.aio import ManagedIdentityCredential
from redis.asyncio import Redis as Client

from shared_code.domain.errors import Unavailable
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.limiting.policies import with_changes
from shared_code.storage.redis_connections import RedisConnections
from shared_code.storage.redis_sign_in import MARGIN, RedisSignIn
from shared_code.storage.redis_state import RedisState
from tests.shared_code.gateway.redis import Redis

LIFETIME = 3600  # seconds
OID = "7d6b6c0e-5f3c-4d6a-9a52-0a8d3f0f7c11"


class IdentityEndpoint:
    """App Service's endpoint for managed identities
    (learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference)."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.up = True
        self.token = new_token()

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["X-IDENTITY-HEADER"] == "secret"
        self.asked.append(request.query["resource"])
        if not self.up:
            raise web.HTTPBadRequest
        said = {"resource": request.query["resource"], "token_type": "Bearer"}
        expires = str(int(time.time() + LIFETIME))
        return web.json_response({"access_token": self.token, "expires_on": expires, **said})


def new_token() -> str:
    return jwt.encode({"oid": OID, "jti": uuid.uuid4().hex}, "k" * 32, "HS256")


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[IdentityEndpoint]:
    served, app = IdentityEndpoint(), web.Application()
    app.router.add_get("/token", served.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "secret")
    yield served
    await runner.cleanup()


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()


@pytest.fixture
async def admin(redis: Redis, endpoint: IdentityEndpoint) -> AsyncIterator[Any]:
    """Nobody gets in but the user `OID` with the token, and the administrator who watches."""
    client = Client.from_url(redis.url.replace("://", "://root:root@"))
    async with Client.from_url(redis.url) as first:
        for name, password in (("root", "root"), (OID, endpoint.token)):
            await first.acl_setuser(name, enabled=True, passwords=[f"+{password}"], keys=["*"], categories=["+@all"])
        await first.acl_setuser("default", enabled=False)
    yield client
    await client.aclose()


class Clock:
    """The time, moved by tests."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


async def signed_in(admin: Any) -> int:
    """How often anybody has signed in on a connection that was open; new ones do so in their HELLO."""
    return int((await admin.info("commandstats")).get("cmdstat_auth", {"calls": 0})["calls"])


async def test_the_identitys_token_opens_redis(redis: Redis, admin: Any, endpoint: IdentityEndpoint) -> None:
    connections = RedisConnections(redis.url, sign_in=RedisSignIn(ManagedIdentityCredential()))
    state = RedisState(connections)
    stored = await state.create("p", "k", b"v")
    assert await state.get("p", "k") == stored
    limits = RateLimiter(with_changes(["writes=2/60"]), connections)
    assert [await limits.exceeded(("writes", "mei")) is not None for _ in range(3)] == [False, False, True]
    assert endpoint.asked == ["https://redis.azure.com"]  # one token for all connections
    await state.close()
    await limits.close()
    await connections.close()


async def test_a_connection_signs_in_again_before_its_token_expires(
    redis: Redis, admin: Any, endpoint: IdentityEndpoint
) -> None:
    clock = Clock()
    connections = RedisConnections(redis.url, sign_in=RedisSignIn(ManagedIdentityCredential(), clock))
    state = RedisState(connections)
    await state.create("p", "k", b"v")
    connected = (await admin.info("stats"))["total_connections_received"]
    before = await signed_in(admin)
    await state.get("p", "k")
    assert await signed_in(admin) == before

    clock.offset = LIFETIME - MARGIN + 5
    for _ in range(3):
        assert await state.get("p", "k") is not None
    assert await signed_in(admin) == before + 1  # once, and on the same connection
    assert (await admin.info("stats"))["total_connections_received"] == connected
    await state.close()
    await connections.close()


async def test_who_gets_no_token_or_a_wrong_one_gets_no_state(
    redis: Redis, admin: Any, endpoint: IdentityEndpoint
) -> None:
    """And limits let requests pass, as in every outage."""
    for up in (True, False):
        endpoint.token, endpoint.up = new_token(), up
        connections = RedisConnections(redis.url, sign_in=RedisSignIn(ManagedIdentityCredential()))
        state, limits = RedisState(connections), RateLimiter(with_changes(["writes=1/60"]), connections)
        with pytest.raises(Unavailable):
            await state.get("p", "k")
        assert [await limits.exceeded(("writes", "mei")) for _ in range(3)] == [None] * 3
        await state.close()
        await limits.close()
        await connections.close()


def test_only_an_encrypted_url_without_a_password_asks_for_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    asks = {
        url: "credential_provider" in RedisConnections(url)(1, 1.0).connection_kwargs
        for url in ("rediss://name.redis.azure.net:10000", "rediss://:secret@redis.example", "redis://127.0.0.1:6379")
    }
    assert list(asks.values()) == [True, False, False]
