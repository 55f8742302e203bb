"""Three instances, one slow, one failing, one killed and restarted, under load: clients notice next to nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from shared_code.gateway.registry.instance import Instance
from shared_code.gateway.registry.registry import Registry
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.lake import Lake
from shared_code.storage.shared_state import TableState
from tests.shared_code.gateway.conftest import MakeGateway
from tests.shared_code.gateway.load import Load
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.processes import Upstream

BREAKERS = "api_performance/circuit_breaker_logs"
Fleet = dict[str, Upstream]


@pytest.fixture
async def fleet(state: TableState) -> AsyncIterator[Fleet]:
    """Three processes, registered as instances of `content`."""
    registry = Registry(state, [])
    async with AsyncExitStack() as stack:
        instances = [Upstream("slow"), Upstream("failing"), Upstream("killed")]
        await asyncio.gather(*(stack.enter_async_context(each) for each in instances))
        for each in instances:
            await registry.register(Instance(service="content", id=each.name, url=each.url))
        yield {each.name: each for each in instances}


@pytest.fixture
async def blobs(azurite: str) -> AsyncIterator[Blobs]:
    blobs = Blobs(StorageAccount(connection_string=azurite))
    yield blobs
    await blobs.close()


async def written(blobs: Blobs, lake: Lake, container: str, name: str) -> list[dict[str, Any]]:
    """What this lake's writer has put into a file, in order."""
    await lake.flush()
    lines: list[dict[str, Any]] = []
    async for place in blobs.names(container, name):
        if lake.writer in place:
            blob = await blobs.get(container, place)
            assert blob is not None
            lines += [json.loads(line) for line in blob.data.splitlines()]
    return lines


async def test_three_instances_in_trouble_under_load(
    make_gateway: MakeGateway, provider: OpenIdProvider, fleet: Fleet, blobs: Blobs
) -> None:
    lake = Lake(blobs)
    gateway = make_gateway(breaker_policy=BreakerPolicy(open_for=1.0), record=lake.write)
    load = Load(gateway, [provider.token(sub=f"learner-{number}") for number in range(50)])
    await load.send(1)

    await fleet["slow"].set(delay=0.5)
    await fleet["failing"].set(status=500)
    await load.send(2)
    before = {name: await each.seen() for name, each in fleet.items()}
    await load.send(1)  # after two seconds the load has moved
    moved = {name: await each.seen() - before[name] for name, each in fleet.items()}
    assert moved["failing"] <= 5
    assert moved["killed"] > 4 * moved["slow"]

    await fleet["slow"].set(delay=0.05)
    fleet["killed"].kill()
    await load.send(2)
    await asyncio.gather(fleet["killed"].start(), load.send(1))
    await fleet["failing"].set(status=200)
    failed = await fleet["failing"].seen()
    for _ in range(80):  # until their breakers have tried them again, and closed
        if await fleet["killed"].seen() > 1 and await fleet["failing"].seen() > failed + 1:
            break
        await load.send(0.5)
    await load.finish()
    assert await fleet["killed"].seen() > 0, "it has its share again"
    assert load.errors < 0.001, load.statuses

    changes = [(each["breaker"], each["to"]) for each in await written(blobs, lake, "monitoring", BREAKERS)]
    assert {("content|failing", "open"), ("content|failing", "closed"), ("content|killed", "open")} <= set(changes)
    await lake.close()


async def test_fifty_requests_that_wait_for_a_broken_instance_are_one_probe(
    make_gateway: MakeGateway, provider: OpenIdProvider, fleet: Fleet, state: TableState
) -> None:
    """Counted where it matters: at the server."""
    registry = Registry(state, [])
    for name in ("slow", "killed"):
        await registry.remove("content", name)
    alone = fleet["failing"]
    gateway = make_gateway(breaker_policy=BreakerPolicy(open_for=2.0))
    load = Load(gateway, [provider.token(sub=f"learner-{number}") for number in range(10)])
    await alone.set(status=500)
    while 503 not in await load.at_once(1):
        pass
    await alone.set(status=200, delay=3.0)
    seen = await alone.seen()
    assert await load.at_once(50) == {503: 50}  # while it is open, nothing gets through
    assert await alone.seen() == seen
    await asyncio.sleep(2.0)
    assert await load.at_once(50) == {200: 1, 503: 49}
    assert await alone.seen() == seen + 1
    await alone.set(delay=0.0)
    assert await load.at_once(50) == {200: 50}
