"""Unkindness on demand, and what tests may look at. None of it exists in Azure: it is outside the vendor's paths."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from local.signalr.service import Service
from tests.local.signalr.dataplane import NEWS, call
from tests.local.signalr.javascript import JsClients
from tests.local.signalr.raw import connected


async def local(service: Service, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{service.endpoint}/local{path}", json=body) as response,
    ):
        return response.status, await (response.json() if response.ok else response.text())


async def heard(service: Service, count: int) -> list[int]:
    """Push numbers and see in which order they come."""
    async with connected(service) as socket:
        for number in range(count):
            await call(service, "POST", "/users/mei/:send", {"target": "n", "arguments": [number]})
        return [
            json.loads((await socket.receive_str(timeout=30)).removesuffix("\x1e"))["arguments"][0]
            for _ in range(count)
        ]


async def test_late_pushes_keep_their_order_unless_asked_otherwise(service: Service) -> None:
    """Jitter alone delays; `reordering` lets some overtake, as the real service may (azure-signalr #1655)."""
    await local(service, "PUT", "/switches", {"jitter_ms": 100})
    assert await heard(service, 20) == list(range(20))
    await local(service, "PUT", "/switches", {"jitter_ms": 100, "reordering": 0.5})
    mixed = await heard(service, 20)
    assert mixed != list(range(20))
    assert sorted(mixed) == list(range(20))


async def test_too_many_calls_are_a_429_that_says_when_to_come_back(service: Service) -> None:
    """The real service throttles by units."""
    await local(service, "PUT", "/switches", {"calls_per_second": 2})
    answers = [await call(service, "POST", "/:send", NEWS) for _ in range(6)]
    throttled = [answer for answer in answers if answer.status == 429]
    assert answers[0].status == 202
    assert throttled
    assert {(answer.code, answer.headers["Retry-After"]) for answer in throttled} == {("Error.TooManyRequests", "1")}


async def test_connections_are_cut_off_by_user(service: Service, js: JsClients) -> None:
    """Without a close message, as when a network breaks: the client reconnects by itself."""
    mei, an = await js.connect("mei"), await js.connect("an")
    assert await local(service, "POST", "/drop?user=mei") == (200, {"dropped": 1})
    assert [(await mei.next())["event"] for _ in range(2)] == ["reconnecting", "reconnected"]
    await call(service, "POST", "/:send", NEWS)
    assert (await an.next())["event"] == "news"
    assert await local(service, "POST", "/drop?hub=other") == (200, {"dropped": 0})


@pytest.mark.parametrize("switches", [{"jiter_ms": 1}, {"jitter_ms": "high"}, {"jitter_ms": None}, []])
async def test_a_switch_that_is_none_is_a_400(service: Service, switches: Any) -> None:
    """A misspelt switch must not make a test kinder than it says."""
    status, _ = await local(service, "PUT", "/switches", switches)
    assert status == 400
