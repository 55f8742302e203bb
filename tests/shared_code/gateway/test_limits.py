"""Rate limits: whom they count, what they answer, and what happens when the counter is down."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Response
from shared_code.gateway.limiting import limiter
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.limiting.policies import with_changes
from shared_code.gateway.routes.about import LIVE, OPENAPI
from shared_code.gateway.routes.events import FIND_EVENTS
from shared_code.gateway.routes.sessions import NEGOTIATE, START_SESSION
from shared_code.gateway.stages.limit import network
from shared_code.storage.redis_connections import RedisConnections
from tests.shared_code.gateway.conftest import MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.redis import Redis
from tests.shared_code.gateway.requests import body_of, request, who


def limited(make: MakeGateway, *changes: str) -> Gateway:
    limits = RateLimiter(with_changes(changes))
    return make(limiter=limits, address_limiter=limits)


async def statuses(gateway: Gateway, times: int, token: str | None, address: str = "203.0.113.9") -> list[int]:
    return [
        (await gateway.handle(request(START_SESSION, token, client_address=address), who)).status for _ in range(times)
    ]


async def test_g1_a_flood_of_bad_tokens_ends_before_verification(
    make_gateway: MakeGateway, records: Records, provider: OpenIdProvider
) -> None:
    gateway = limited(make_gateway, "address-failures=20/60")
    answers = await statuses(gateway, 50, "garbage")
    assert answers == [401] * 20 + [429] * 30
    assert len(records.of("integration/api_gateway/authentication_logs")) == 20
    # another address is not affected, and neither is what asks for no token
    assert await statuses(gateway, 1, provider.token(), "198.51.100.7") == [200]
    assert (await gateway.handle(request(OPENAPI, client_address="203.0.113.9"), who)).status == 200


async def test_who_shares_the_address_of_a_flood_goes_on(make_gateway: MakeGateway, provider: OpenIdProvider) -> None:
    """As long as their token held a moment ago: a school has one address."""
    gateway = limited(make_gateway, "address-failures=5/60")
    token = provider.token()
    assert await statuses(gateway, 1, token) == [200]
    assert await statuses(gateway, 6, "garbage") == [401] * 5 + [429]
    assert await statuses(gateway, 3, token) == [200] * 3
    assert await statuses(gateway, 1, provider.token(sub="jun")) == [429]


async def test_an_address_is_limited_whatever_it_asks_for_but_health(make_gateway: MakeGateway) -> None:
    gateway = limited(make_gateway, "address=5/60")
    assert await statuses(gateway, 6, None) == [401] * 5 + [429]
    assert (await gateway.handle(request(OPENAPI, client_address="203.0.113.9"), who)).status == 429
    assert (await gateway.handle(request(LIVE, client_address="203.0.113.9"), who)).status == 200


async def test_a_learner_is_limited_by_class_of_route(make_gateway: MakeGateway, provider: OpenIdProvider) -> None:
    gateway = limited(make_gateway, "writes=10/60")
    token = provider.token(roles=["learner", "operator"])
    assert await statuses(gateway, 11, token) == [200] * 10 + [429]
    assert (await gateway.handle(request(NEGOTIATE, token), who)).status == 429  # a write too
    assert (await gateway.handle(request(FIND_EVENTS, token), who)).status == 200  # a read
    assert await statuses(gateway, 1, provider.token(sub="another")) == [200]


async def test_g1_two_learners_of_one_tenant_share_its_limit(
    make_gateway: MakeGateway, provider: OpenIdProvider
) -> None:
    gateway = limited(make_gateway, "tenant=10/60")
    assert await statuses(gateway, 6, provider.token(sub="mei")) == [200] * 6
    assert await statuses(gateway, 6, provider.token(sub="jun")) == [200] * 4 + [429] * 2
    assert await statuses(gateway, 1, provider.token(sub="mei", tid="school-2")) == [200]


async def test_partner_systems_have_a_limit_of_their_own(make_gateway: MakeGateway, provider: OpenIdProvider) -> None:
    gateway = limited(make_gateway, "partner=3/60", "writes=100/60")
    token = provider.token(roles=["service"])
    assert await statuses(gateway, 4, token) == [403] * 3 + [429]


async def test_a_refusal_says_how_much_is_allowed_and_when_to_come_back(
    make_gateway: MakeGateway, records: Records, provider: OpenIdProvider
) -> None:
    gateway = limited(make_gateway, "writes=2/60")
    await statuses(gateway, 2, provider.token())
    response = await gateway.handle(request(START_SESSION, provider.token()), who)
    assert (response.status, body_of(response)["code"]) == (429, "rate-limited")
    assert response.headers["RateLimit-Policy"] == '"writes";q=2;w=60'
    left = re.fullmatch(r'"writes";r=0;t=(\d+)', response.headers["RateLimit"])
    assert left
    assert 1 <= int(response.headers["Retry-After"]) == int(left[1]) <= 60
    (record,) = records.of("integration/api_gateway/rate_limiting_data")
    assert (record["policy"], record["tenant"], len(record["caller"])) == ("writes", "school-1", 26)


async def test_every_answer_to_a_caller_says_what_is_left(make_gateway: MakeGateway, provider: OpenIdProvider) -> None:
    gateway = limited(make_gateway, "writes=10/60")
    response = await gateway.handle(request(START_SESSION, provider.token()), who)
    assert response.headers["RateLimit"].startswith('"writes";r=9;t=')


async def test_a_burst_is_limited_apart_from_the_minute(make_gateway: MakeGateway, provider: OpenIdProvider) -> None:
    gateway = limited(make_gateway, "writes-burst=5/10")
    assert await statuses(gateway, 6, provider.token()) == [200] * 5 + [429]


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_ipv6_customer_is_one_network(address: str, counted_as: str) -> None:
    assert network(address) == counted_as


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()


@pytest.fixture
async def pair(
    make_gateway: MakeGateway, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two instances that share a Redis, and the patience that a busy machine needs."""
    monkeypatch.setattr(limiter, "STORE_TIMEOUT", 20.0)
    pair = [
        RateLimiter(with_changes(["writes=100/60", "writes-burst=1000/10"]), RedisConnections(redis.url))
        for _ in range(2)
    ]
    first, second = (make_gateway(limiter=limits) for limits in pair)
    yield first, second
    for limits in pair:
        await limits.close()


async def test_two_instances_share_a_limit_through_redis(
    pair: tuple[Gateway, Gateway], provider: OpenIdProvider
) -> None:
    token = provider.token()

    async def ask(number: int) -> Response:
        return await pair[number % 2].handle(request(START_SESSION, token), who)

    answers = await asyncio.gather(*(ask(number) for number in range(150)))
    assert sorted(answer.status for answer in answers) == [200] * 100 + [429] * 50


async def test_without_redis_each_instance_counts_for_itself(
    make_gateway: MakeGateway, provider: OpenIdProvider
) -> None:
    """The stated error: N processes let up to N times as much through."""
    token = provider.token()
    gateways = [limited(make_gateway, "writes=10/60") for _ in range(2)]
    answers = [status for gateway in gateways for status in await statuses(gateway, 15, token)]
    assert answers.count(200) == 20


@pytest.fixture(scope="module")
def measured() -> InMemoryMetricReader:
    """OpenTelemetry takes one provider a process."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    return reader


def total(reader: InMemoryMetricReader, name: str) -> float:
    data = reader.get_metrics_data()
    found = [
        float(point.value)
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    ]
    return sum(found)


async def test_limits_fail_open_when_redis_is_down_and_a_metric_says_so(
    measured: InMemoryMetricReader, make_gateway: MakeGateway, redis: Redis, provider: OpenIdProvider
) -> None:
    limits = RateLimiter(with_changes(["writes=3/60"]), RedisConnections(redis.url))
    gateway = make_gateway(limiter=limits)
    assert await statuses(gateway, 4, provider.token()) == [200] * 3 + [429]
    before = total(measured, "sayzhong.gateway.rate_limit.store_failures")
    redis.stop()
    assert await statuses(gateway, 20, provider.token()) == [200] * 20
    assert total(measured, "sayzhong.gateway.rate_limit.store_failures") > before
    await limits.close()


async def test_a_redis_that_dies_under_load_refuses_nobody_and_counts_again_once_it_is_back(
    measured: InMemoryMetricReader,
    make_gateway: MakeGateway,
    redis: Redis,
    provider: OpenIdProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limiter, "STORE_REST", 0.5)
    limits = RateLimiter(with_changes(["writes=100000/60", "writes-burst=100000/10"]), RedisConnections(redis.url))
    wide = RateLimiter(with_changes(["address=10000000/60"]))
    gateway, token = make_gateway(limiter=limits, address_limiter=wide), provider.token()
    before = total(measured, "sayzhong.gateway.rate_limit.store_failures")
    answers: list[int] = []
    stop = asyncio.Event()

    async def load() -> None:
        while not stop.is_set():
            answers.extend(await statuses(gateway, 1, token))
            await asyncio.sleep(0.001)  # with nothing to wait for, these would keep the loop to themselves

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    workers = [asyncio.create_task(load()) for _ in range(16)]
    await until(lambda: len(answers) > 200)
    redis.kill()
    await until(lambda: total(measured, "sayzhong.gateway.rate_limit.store_failures") > before)
    answered = len(answers)
    await until(lambda: len(answers) > answered + 200)
    redis.start()
    async with asyncio.timeout(60):
        while await limits.standing("writes", "anybody") is None:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*workers)
    assert set(answers) == {200}
    await limits.close()
