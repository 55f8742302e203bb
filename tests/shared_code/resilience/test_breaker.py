"""Circuit breakers: what opens them, what every instance knows, and one probe for the whole fleet."""

from __future__ import annotations

import asyncio
import timeit
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from shared_code.domain.errors import Unavailable
from shared_code.resilience.breaker.breaker import Breaker, BreakerOpen, Outcome, Permit
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.resilience.breaker.view import View
from shared_code.resilience.shared_state import CompareAndSet, Stored
from shared_code.storage.account import StorageAccount
from shared_code.storage.redis_connections import RedisConnections
from shared_code.storage.redis_state import RedisState
from shared_code.storage.shared_state import TableState
from shared_code.storage.tables import Tables
from tests.ports import free_ports
from tests.shared_code.gateway.redis import Redis

POLICY = BreakerPolicy(
    window=30.0,
    least_calls=10,
    in_a_row=20,
    failure_rate=0.5,
    slow_after=2.0,
    slow_rate=0.8,
    open_for=5.0,
    staleness=1.0,
)


class Clock:
    """Seconds since 1970, as a test says."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    redis = Redis()
    yield redis
    redis.stop()


@pytest.fixture(params=["table", "redis"])
async def state(azurite: str, redis: Redis, request: pytest.FixtureRequest) -> AsyncIterator[CompareAndSet]:
    """Every promise holds over both stores."""
    if request.param == "table":
        tables = Tables(StorageAccount(connection_string=azurite))
        yield TableState(tables.table(f"breakers{uuid.uuid4().hex[:16]}"))
        await tables.close()
    else:
        state = RedisState(RedisConnections(redis.url))
        yield state
        await state.close()


Instance = Callable[[], Breaker]


@pytest.fixture
def name() -> str:
    """Of a breaker that no other test knows."""
    return f"content|{uuid.uuid4().hex[:12]}"


@pytest.fixture
def instance(state: CompareAndSet, clock: Clock, name: str) -> Instance:
    """Another process of the fleet: the same store, memory of its own."""
    return lambda: Breaker(name, state, POLICY, lambda *_: None, clock)


async def call(breaker: Breaker, outcome: Outcome, times: int = 1, seconds: float = 0.1) -> None:
    for _ in range(times):
        (await breaker.enter()).ended(outcome, seconds)


async def opened(breaker: Breaker) -> None:
    await call(breaker, Outcome.FAILED, 10)
    await breaker.settle()


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([Outcome.FAILED] * 9, "closed"),  # too few to tell
        ([Outcome.FAILED] * 10, "open"),
        ([Outcome.ANSWERED] * 6 + [Outcome.FAILED] * 5, "closed"),
        ([Outcome.ANSWERED] * 5 + [Outcome.FAILED] * 5, "open"),
        ([Outcome.ANSWERED] * 100, "closed"),
        ([Outcome.ABANDONED] * 100, "closed"),
    ],
)
async def test_g5_the_rate_of_failures_opens_it(instance: Instance, outcomes: list[Outcome], state: str) -> None:
    breaker = instance()
    for outcome in outcomes:
        await call(breaker, outcome)
    assert breaker.view.state == state
    await breaker.settle()


async def test_failures_in_a_row_open_it_whatever_went_well_before(instance: Instance) -> None:
    breaker = instance()
    await call(breaker, Outcome.ANSWERED, 1000)
    await call(breaker, Outcome.FAILED, POLICY.in_a_row - 1)
    await call(breaker, Outcome.ANSWERED)
    await call(breaker, Outcome.FAILED, POLICY.in_a_row - 1)
    assert breaker.admits()
    await call(breaker, Outcome.FAILED)
    assert not breaker.admits()
    await breaker.settle()


async def test_slow_calls_open_it_too(instance: Instance) -> None:
    breaker = instance()
    await call(breaker, Outcome.ANSWERED, 10, seconds=2.1)
    assert breaker.view.state == "open"
    await breaker.settle()


async def test_what_is_long_past_does_not_count(instance: Instance, clock: Clock) -> None:
    breaker = instance()
    await call(breaker, Outcome.FAILED, 9)
    clock.now += POLICY.window + POLICY.window / 10
    await call(breaker, Outcome.FAILED, 9)
    assert breaker.view.state == "closed"
    await breaker.settle()


async def test_an_open_breaker_refuses_and_says_when_to_come_back(instance: Instance) -> None:
    breaker = instance()
    await opened(breaker)
    with pytest.raises(BreakerOpen) as refusal:
        await breaker.enter()
    assert refusal.value.retry_after == pytest.approx(5.0)


async def test_g4_failures_in_one_instance_open_the_others_within_the_bound(instance: Instance, clock: Clock) -> None:
    first, second = instance(), instance()
    await call(second, Outcome.ANSWERED)
    await second.settle()
    await opened(first)
    assert second.view.state == "closed"
    clock.now += POLICY.staleness + 0.1
    second.admits()  # has something to decide, so it looks
    await second.settle()
    with pytest.raises(BreakerOpen):
        await second.enter()


async def test_g4_fifty_calls_waiting_in_two_instances_are_one_probe(instance: Instance, clock: Clock) -> None:
    first, second = instance(), instance()
    await opened(first)
    second.admits()
    await second.settle()
    clock.now += POLICY.open_for + 0.1
    entered = await asyncio.gather(*((first, second)[n % 2].enter() for n in range(50)), return_exceptions=True)
    permits = [each for each in entered if isinstance(each, Permit)]
    assert len(permits) == 1
    assert sum(isinstance(each, BreakerOpen) for each in entered) == 49
    permits[0].ended(Outcome.ANSWERED, 0.1)
    await first.settle()
    await second.settle()
    clock.now += POLICY.staleness + 0.1
    for breaker in (first, second):
        breaker.admits()
        await breaker.settle()
        assert breaker.view == View()


async def test_a_failed_probe_opens_it_for_twice_as_long(instance: Instance, clock: Clock) -> None:
    breaker = instance()
    await opened(breaker)
    rests = []
    for _ in range(6):
        rests.append(breaker.view.until - clock.now)
        clock.now = breaker.view.until
        await call(breaker, Outcome.FAILED)
        await breaker.settle()
    assert rests == pytest.approx([5, 10, 20, 40, 60, 60])


async def test_a_probe_that_never_ends_is_replaced(instance: Instance, clock: Clock) -> None:
    crashed, other = instance(), instance()
    await opened(crashed)
    clock.now += POLICY.open_for
    await crashed.enter()
    other.admits()
    await other.settle()
    with pytest.raises(BreakerOpen):
        await other.enter()
    clock.now += POLICY.probe_for + 0.1
    await call(other, Outcome.ANSWERED)
    await other.settle()
    assert other.view.state == "closed"


async def test_it_survives_a_restart(instance: Instance) -> None:
    await opened(instance())
    restarted = instance()
    restarted.admits()
    await restarted.settle()
    with pytest.raises(BreakerOpen):
        await restarted.enter()


async def test_every_change_is_told(state: CompareAndSet, clock: Clock, name: str) -> None:
    told: list[tuple[str, str]] = []
    breaker = Breaker(name, state, POLICY, lambda _, before, after: told.append((before.state, after.state)), clock)
    await opened(breaker)
    clock.now += POLICY.open_for
    await call(breaker, Outcome.ANSWERED)
    await breaker.settle()
    assert told == [("closed", "open"), ("open", "probing"), ("probing", "closed")]


@pytest.mark.parametrize("kind", ["table", "redis"])
async def test_without_the_store_a_process_keeps_to_what_it_sees(clock: Clock, kind: str) -> None:
    (port,) = free_ports(1)
    nowhere = f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:{port}/x;"
    tables, redis = (
        Tables(StorageAccount(connection_string=nowhere)),
        RedisState(RedisConnections(f"redis://127.0.0.1:{port}")),
    )
    state: CompareAndSet = TableState(tables.table("gateway")) if kind == "table" else redis
    breaker = Breaker("b", state, POLICY, lambda *_: None, clock)
    await opened(breaker)
    with pytest.raises(Unavailable):
        await breaker.enter()
    clock.now += POLICY.open_for
    await call(breaker, Outcome.ANSWERED)
    assert breaker.view.state == "closed"
    await breaker.settle()
    await tables.close()
    await redis.close()


class Interrupted:
    """A store that cannot be written to for a while."""

    def __init__(self, state: CompareAndSet) -> None:
        self.down = True
        self._state = state
        self.get, self.replace = state.get, state.replace

    async def create(self, partition: str, key: str, value: bytes) -> Stored:
        if self.down:
            raise Unavailable("down")
        return await self._state.create(partition, key, value)


async def test_what_could_not_be_published_in_an_outage_is_published_after_it(
    state: CompareAndSet, clock: Clock, instance: Instance, name: str
) -> None:
    interrupted = Interrupted(state)
    breaker = Breaker(name, interrupted, POLICY, lambda *_: None, clock)
    await opened(breaker)
    interrupted.down = False
    clock.now += POLICY.staleness + 0.1
    breaker.admits()
    await breaker.settle()
    other = instance()
    other.admits()
    await other.settle()
    assert other.view.state == breaker.view.state == "open"


async def test_a_decision_asks_nobody(instance: Instance, clock: Clock) -> None:
    """Counted in calls rather than in time: the benchmark measures."""
    breaker = instance()
    breaker.admits()
    await breaker.settle()
    before = len(asyncio.all_tasks())
    assert timeit.timeit(breaker.admits, number=1000) < 1
    assert len(asyncio.all_tasks()) == before
