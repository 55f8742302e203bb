"""Each stage by itself, and the pipeline around a service of this process."""

from __future__ import annotations

import asyncio
import os
import time
import timeit
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from benchmarks.gateway.assembled import LIMITS, Assembled, assembled, plain
from benchmarks.gateway.cores import MEASURED, pin
from benchmarks.gateway.figures import line
from benchmarks.gateway.parts import Parts, parts
from shared_code.domain.clock import utc_now
from shared_code.gateway.http import Endpoint, Request, Response, Stage
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.pipeline import pipeline
from shared_code.gateway.routes.services import SERVICES
from shared_code.gateway.stages.limit import LimitCaller, Refusals
from shared_code.resilience.breaker.breaker import Breaker
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.storage.redis_connections import RedisConnections

ROUTES = {route.method: route for route in SERVICES}
WARM, TIMES, FRESH = 500, 5000, 500
# p95 in milliseconds, of ARCHITECTURE's "Numbers to hold"
PIPELINE, IDENTITY, LIMIT, LIMIT_IN_REDIS, ROUTING, BREAKER = 3.0, 1.0, 0.2, 2.0, 0.2, 0.01


def sent(token: str, method: str = "GET", **headers: str) -> Request:
    """A request as a trigger hands it over."""
    return Request(
        route=ROUTES[method],
        method=method,
        path="/api/v1/bench/me",
        received_at=utc_now(),
        params={"service": "bench", "path": "me"},
        headers={"authorization": f"Bearer {token}", "content-type": "application/json", **headers},
        body=b'{"text": "ni hao"}' if method == "POST" else b"",
    )


class Watched:
    """Stages that note their own time, without that of what they proceed to."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.stages = [self._watched(stage) for stage in stages]

    def _watched(self, stage: Stage) -> Stage:
        name = _name(stage)

        async def run(request: Request, proceed: Endpoint) -> Response:
            inner = 0.0

            async def on(request: Request) -> Response:
                nonlocal inner
                started = time.perf_counter()
                try:
                    return await proceed(request)
                finally:
                    inner = time.perf_counter() - started

            started = time.perf_counter()
            try:
                return await stage(request, on)
            finally:
                self.took[name].append(time.perf_counter() - started - inner)

        return run


def _name(stage: Stage) -> str:
    return getattr(stage, "__name__", type(stage).__name__)


async def timed(endpoint: Endpoint, requests: Sequence[Request]) -> list[float]:
    """How long each request took, one after the other."""
    took = []
    for request in requests:
        started = time.perf_counter()
        response = await endpoint(request)
        took.append(time.perf_counter() - started)
        assert response.status == 200, response.payload()
    return took


async def measure() -> bool:
    """Print the table; whether the targets hold."""
    pin(MEASURED)
    async with parts() as around:
        ours = assembled(around.provider.issuer, around.storage)
        load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
        print(f"   warm, one core, one request at a time; load {load}; in microseconds")
        print(f"   {'':<44} {'p50':>9} {'p95':>9} {'p99':>9}")
        held = [await _stages(ours, around), await _decisions(ours, around), await _whole(ours, around)]
        await ours.close()
    return all(held)


async def _stages(ours: Assembled, around: Parts) -> bool:
    token, watched = around.provider.token(), Watched(ours.gateway.stages)
    through = pipeline(watched.stages, ours.gateway.to_service)
    await timed(through, [sent(token) for _ in range(WARM)])
    watched.took.clear()
    whole = await timed(through, [sent(token) for _ in range(TIMES)])
    held = []
    names = [_name(stage) for stage in ours.gateway.stages]
    own: defaultdict[int, float] = defaultdict(float)
    for name in names:
        took = watched.took[name]
        held.append(line(name, took, {"LimitCaller": LIMIT, "LimitAddress": LIMIT}.get(name)))
        for place, each in enumerate(took):
            own[place] += each
    routing = [each - own[place] for place, each in enumerate(whole)]
    held.append(line("route and balance, with the service's own time", routing, ROUTING))
    watched.took.clear()
    tokens = [around.provider.token(sub=f"learner-{number}") for number in range(FRESH)]
    await timed(through, [sent(token) for token in tokens])
    identity = [a + b for a, b in zip(watched.took["Authenticate"], watched.took["authorize"], strict=True)]
    held.append(line("Authenticate + authorize, a token not seen yet", identity, IDENTITY))
    return all(held)


async def _decisions(ours: Assembled, around: Parts) -> bool:
    held = True
    if around.redis:
        limiter = RateLimiter(LIMITS, RedisConnections(around.redis))
        watched = Watched([LimitCaller(limiter, Refusals(ours.lake.write))])
        known = sent(around.provider.token())
        await ours.gateway.handle(known, ours.gateway.to_service)  # fills in who calls
        while await limiter.standing("reads", "nobody") is None:  # its client is imported at first use
            await asyncio.sleep(1)
        await timed(pipeline(watched.stages, plain), [known] * (TIMES // 10))
        held = line("LimitCaller in Redis", watched.took["LimitCaller"], LIMIT_IN_REDIS)
        await limiter.close()
    breaker = Breaker("bench", ours.state, BreakerPolicy(), _nothing)
    breaker.admits()
    await breaker.settle()
    took = [each / 1000 for each in timeit.repeat(breaker.admits, number=1000, repeat=200)]
    held &= line("breaker check (means of 1,000)", took, BREAKER)
    await breaker.settle()
    return held


async def _whole(ours: Assembled, around: Parts) -> bool:
    token = around.provider.token()

    async def through(request: Request) -> Response:
        return await ours.gateway.handle(request, ours.gateway.to_service)

    bare = await timed(plain, [sent(token) for _ in range(TIMES)])
    await timed(through, [sent(token) for _ in range(WARM)])
    around_it = await timed(through, [sent(token) for _ in range(TIMES)])
    keyed = [sent(token, "POST", **{"idempotency-key": f"key-{number}"}) for number in range(TIMES // 20)]
    line("the function without the pipeline", bare)
    held = line("the function within the whole pipeline", around_it, PIPELINE)
    line("the same with an Idempotency-Key, in storage", await timed(through, keyed))
    return held


def _nothing(*_: Any) -> None:
    """Nobody listens to the measured breaker."""
