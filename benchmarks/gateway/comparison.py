"""Our gateway beside others, before the same upstream, in the same run."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import aiohttp

from benchmarks.gateway.cores import OTHER, pin
from benchmarks.gateway.figures import percentiles
from benchmarks.gateway.parts import parts
from benchmarks.gateway.peers.started import Target, chat_targets, plain_targets, starting, upstream_url

WARM, ALONE = 200, 1000  # requests, one after the other
TOGETHER, SECONDS = 16, 4.0  # callers without a pause, for so long


async def compare() -> None:
    """Print two tables: the plain route and the AI route."""
    pin(OTHER)
    async with parts() as around:
        for title, targets in (("the plain route", plain_targets), ("the AI route", chat_targets)):
            with starting(around) as processes:
                await _table(title, targets(around, processes, upstream_url(processes)))


async def _table(title: str, targets: Iterator[Target]) -> None:
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    print(f"\n   {title}: each gateway alone on one core, client and upstream on another; load {load}")
    print(f"   {'':<42} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'req/s':>7} {'p50 to ours':>12}")
    ours = 0.0
    while (target := await asyncio.to_thread(next, targets, None)) is not None:
        p50, p95, p99 = (each * 1000 for each in percentiles(await _one_by_one(target)))
        rate = await _at_once(target)
        if target.name.startswith("ours"):
            ours = p50  # the last of ours forwards, as the others do
        ratio = f"{p50 / ours:11.2f}x" if ours else ""
        print(f"   {target.name:<42} {p50:8.2f} {p95:8.2f} {p99:8.2f} {rate:7.0f} {ratio}", flush=True)


async def _one_by_one(target: Target) -> list[float]:
    async with aiohttp.ClientSession() as http:
        for _ in range(WARM):
            await _ask(http, target)
        return [await _ask(http, target) for _ in range(ALONE)]


async def _at_once(target: Target) -> float:
    """Requests answered in a second to callers who ask without a pause."""
    ends, answered = time.monotonic() + SECONDS, 0

    async def caller(http: aiohttp.ClientSession) -> None:
        nonlocal answered
        while time.monotonic() < ends:
            await _ask(http, target)
            answered += 1

    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as callers:
        for _ in range(TOGETHER):
            callers.create_task(caller(http))
    return answered / SECONDS


async def _ask(http: aiohttp.ClientSession, target: Target) -> float:
    started = time.perf_counter()
    method = "POST" if target.body else "GET"
    async with http.request(method, target.url, headers=target.headers, data=target.body or None) as answer:
        body = await answer.read()
        assert answer.status == 200, (target.name, answer.status, body[:500])
    return time.perf_counter() - started
