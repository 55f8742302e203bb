"""Readiness names what is down, and cannot be used to flood what it asks."""

from __future__ import annotations

import asyncio

import pytest

from shared_code.domain.errors import Unavailable
from shared_code.observability import health
from shared_code.observability.health import Readiness


class Dependency:
    """Something the app needs; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.up = True

    async def check(self) -> bool:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self.up


async def raises() -> bool:
    raise OSError("refused by 10.0.0.7")


async def hangs() -> bool:
    await asyncio.sleep(60)
    return True


async def test_all_up_is_ready() -> None:
    report = await Readiness({"storage": Dependency().check, "bus": Dependency().check}).report()
    assert report == {"status": "ready", "checks": {"storage": "up", "bus": "up"}}


async def test_what_says_no_raises_or_hangs_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT", 0.2)
    down = Dependency()
    down.up = False
    readiness = Readiness({"storage": Dependency().check, "bus": down.check, "signalr": raises, "identity": hangs})
    with pytest.raises(Unavailable) as failure:
        await readiness.report()
    assert failure.value.extra["checks"] == {"storage": "up", "bus": "down", "signalr": "down", "identity": "down"}
    assert str(failure.value) == "Not ready: bus, signalr, identity down."


async def test_many_callers_cost_one_round_and_a_result_is_kept_a_moment() -> None:
    now = [0.0]
    storage = Dependency()
    readiness = Readiness({"storage": storage.check}, lambda: now[0])
    await asyncio.gather(*(readiness.report() for _ in range(50)))
    assert storage.asked == 1
    storage.up = False
    await readiness.report()
    now[0] += health.KEPT + 0.1
    with pytest.raises(Unavailable):
        await readiness.report()
    assert storage.asked == 2
