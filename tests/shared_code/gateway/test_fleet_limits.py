"""Two gateway processes are one fleet: they count together, and what is asked of both happens once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared_code.gateway.stages.idempotency import LEASE_MARGIN
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.processes import GatewayProcess
from tests.shared_code.gateway.redis import Redis

LIMIT = "writes=100/60 writes-burst=100000/10"
SLACK = 15.0  # seconds that a busy machine may take


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects"


@pytest.fixture
def shared(azurite: str, provider: OpenIdProvider, effects: Path) -> dict[str, str]:
    """What processes of one fleet have together."""
    return {
        "issuer": provider.issuer,
        "storage": azurite,
        "table": f"fleet{uuid.uuid4().hex[:16]}",
        "limits": LIMIT,
        "effects": str(effects),
    }


def happened(effects: Path) -> int:
    return len(effects.read_text().splitlines()) if effects.exists() else 0


async def asked(processes: list[GatewayProcess], token: str, times: int) -> Counter[int]:
    """The statuses of so many requests at once, to each process in turn."""
    answers = await asyncio.gather(
        *(processes[number % len(processes)].start_session(token) for number in range(times))
    )
    return Counter(status for status, _ in answers)


async def test_a_limit_lets_exactly_as_many_through_in_all(
    shared: dict[str, str], redis: Redis, provider: OpenIdProvider
) -> None:
    token = provider.token()
    async with GatewayProcess(**shared, redis=redis.url) as first, GatewayProcess(**shared, redis=redis.url) as second:
        assert await asked([first, second], token, 160) == {201: 100, 429: 60}


async def test_without_redis_each_process_counts_for_itself(shared: dict[str, str], provider: OpenIdProvider) -> None:
    """The stated error: two processes let twice as much through."""
    token = provider.token()
    async with GatewayProcess(**shared) as first, GatewayProcess(**shared) as second:
        assert await asked([first, second], token, 260) == {201: 200, 429: 60}


async def test_a_copy_at_another_process_gets_the_first_ones_answer(
    shared: dict[str, str], provider: OpenIdProvider, effects: Path
) -> None:
    token, key = provider.token(), {"Idempotency-Key": "one", "X-Work": "0.5"}
    async with GatewayProcess(**shared) as first, GatewayProcess(**shared) as second:
        answers = await asyncio.gather(*(process.start_session(token, **key) for process in (first, second) * 3))
        assert {status for status, _ in answers} == {201}
        assert len({body["by"] for _, body in answers}) == 1
        assert happened(effects) == 1

        first.kill()
        second.kill()
        await first.start()
        assert (await first.start_session(token, **key)) == answers[0]  # also after a restart
        assert happened(effects) == 1


async def test_what_a_dead_process_had_claimed_is_taken_over_after_its_lease(
    shared: dict[str, str], provider: OpenIdProvider, effects: Path
) -> None:
    """`kill -9` between claim and answer: copies are told to come back until the lease ends, and then one is heard."""
    token, key = provider.token(), {"Idempotency-Key": "one", "X-Deadline": "4"}
    lease = 4 + LEASE_MARGIN
    async with GatewayProcess(**shared) as first, GatewayProcess(**shared) as second:
        claimed = time.monotonic()
        dying = asyncio.create_task(first.start_session(token, **key, **{"X-Work": "30"}))
        while not happened(effects):
            assert time.monotonic() - claimed < SLACK
            await asyncio.sleep(0.02)
        first.kill()
        assert isinstance((await asyncio.gather(dying, return_exceptions=True))[0], Exception)

        waiting, body = await second.start_session(token, **key)
        assert (waiting, body["code"]) == (409, "idempotency-in-progress")
        while (status := (await second.start_session(token, **key))[0]) == 409:
            assert time.monotonic() - claimed < lease + SLACK
        assert status == 201
        assert time.monotonic() - claimed >= lease - 1  # nobody took it from a process that might have been alive
        assert happened(effects) == 2  # the dead one's effect, and ours: what it had done is the use case's to know
        again = await asyncio.gather(*(second.start_session(token, **key) for _ in range(3)))
        assert {status for status, _ in again} == {201}
        assert happened(effects) == 2
