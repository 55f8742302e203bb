"""Three instances, one slow, one failing, one killed and restarted, under load: clients notice next to nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from shared_code.gateway.gateway import Gateway
from shared_code.gateway.registry.instance import Instance
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.routes import SERVICES
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.storage.shared_state import TableState
from tests.shared_code.gateway.conftest import MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.requests import request
from tests.shared_code.gateway.upstream import Upstream

RATE = 200  # requests a second
GET = next(route for route in SERVICES if route.method == "GET")


@pytest.fixture
async def fleet(state: TableState) -> AsyncIterator[list[Upstream]]:
    instances = [Upstream("slow"), Upstream("failing"), Upstream("killed")]
    registry = Registry(state, [])
    for upstream in instances:
        await upstream.start()
        await registry.register(Instance(service="content", id=upstream.name, url=upstream.url))
    yield instances
    for upstream in instances:
        await upstream.stop()


class Load:
    """Sends requests at a steady rate, whatever becomes of them, and counts their statuses."""

    def __init__(self, gateway: Gateway, tokens: list[str]) -> None:
        self.statuses: Counter[int] = Counter()
        self._gateway = gateway
        self._tokens = tokens
        self._calls: set[asyncio.Task[None]] = set()

    async def send(self, seconds: float) -> None:
        begin = asyncio.get_running_loop().time()
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(max(0.0, begin + number / RATE - asyncio.get_running_loop().time()))
            call = asyncio.create_task(self._call(self._tokens[number % len(self._tokens)]))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def finish(self) -> None:
        await asyncio.gather(*self._calls)

    async def _call(self, token: str) -> None:
        sent = request(GET, token, params={"service": "content", "path": "items"})
        self.statuses[(await self._gateway.handle(sent, self._gateway.to_service)).status] += 1


async def test_three_instances_in_trouble_under_load(
    make_gateway: MakeGateway, provider: OpenIdProvider, records: Records, fleet: list[Upstream]
) -> None:
    slow, failing, killed = fleet
    gateway = make_gateway(breaker_policy=BreakerPolicy(open_for=1.0))
    load = Load(gateway, [provider.token(sub=f"learner-{number}") for number in range(50)])
    await load.send(1)

    slow.delay, failing.status = 0.5, 500
    await load.send(2)
    seen = {each.name: len(each.seen) for each in fleet}
    await load.send(1)  # after two seconds the load has moved
    moved = {each.name: len(each.seen) - seen[each.name] for each in fleet}
    assert moved["failing"] <= 5
    assert moved["killed"] > 4 * moved["slow"]

    slow.delay = 0.05
    await killed.stop()
    await load.send(2)
    await killed.start()
    failing.status = 200
    await load.send(3)
    await load.finish()

    errors = sum(count for status, count in load.statuses.items() if status >= 500)
    assert errors / sum(load.statuses.values()) < 0.001, load.statuses
    changes = {(each["breaker"], each["to"]) for each in records.of("monitoring/api_performance/circuit_breaker_logs")}
    assert {("content|failing", "open"), ("content|failing", "closed"), ("content|killed", "open")} <= changes
