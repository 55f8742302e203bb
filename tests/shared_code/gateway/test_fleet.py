"""Two gateway processes are one fleet: what one learns of an instance, the other knows, and they probe it once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

from shared_code.gateway.registry.instance import Instance
from shared_code.gateway.registry.registry import Registry
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.storage.account import StorageAccount
from shared_code.storage.shared_state import TableState
from shared_code.storage.tables import Tables
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.processes import GatewayProcess, Upstream
from tests.shared_code.gateway.redis import Redis

POLICY = BreakerPolicy()
SLACK = 4.0  # seconds beyond the bound that a busy machine may take


@pytest.fixture(params=["table", "redis"])
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where breakers are shared: in table storage, or in a real Redis."""
    if request.param == "table":
        yield ""
        return
    redis = Redis()
    yield redis.url
    redis.stop()


async def test_two_processes_share_a_breaker_and_its_one_probe(
    azurite: str, provider: OpenIdProvider, redis_url: str
) -> None:
    table = f"fleet{uuid.uuid4().hex[:16]}"
    shared = {"issuer": provider.issuer, "storage": azurite, "table": table, "redis": redis_url}
    tables, token = Tables(StorageAccount(connection_string=azurite)), provider.token()
    async with Upstream("one") as upstream, GatewayProcess(**shared) as first, GatewayProcess(**shared) as second:
        registry = Registry(TableState(tables.table(table)), [])
        await registry.register(Instance(service="content", id="one", url=upstream.url))
        await tables.close()
        assert [await each.ask(token) for each in (first, second)] == [200, 200]

        # What fails, fails for the first process alone: the second has only good calls of its own.
        while await first.ask(token, **{"x-fail": "1"}) != 503:
            pass
        opened = time.monotonic()
        while await second.ask(token) == 200:
            assert time.monotonic() - opened < POLICY.staleness + SLACK
            await asyncio.sleep(0.05)

        await upstream.set(delay=3.0)
        before = await upstream.seen()
        await asyncio.sleep(max(0.0, opened + POLICY.open_for + 0.5 - time.monotonic()))
        waiting = await asyncio.gather(*((first, second)[number % 2].ask(token) for number in range(50)))
        assert await upstream.seen() - before == 1
        assert Counter(waiting) == {200: 1, 503: 49}

        await upstream.set(delay=0.0)
        closed = time.monotonic()
        while [await each.ask(token) for each in (first, second)] != [200, 200]:
            assert time.monotonic() - closed < POLICY.staleness + SLACK
            await asyncio.sleep(0.05)
