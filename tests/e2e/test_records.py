"""What the gateway puts on record: everything that it answered, also when the host is told to end under load."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from contextlib import suppress

import aiohttp
import pytest

from demo.lake import read
from tests.e2e.people import api_of
from tests.e2e.stack import Stack, eventually

AT_ONCE = 8
REFUSED = "a token of nobody"


class Callers:
    """Some good, some bad requests without a pause; which of them were answered, by correlation id and status."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"http://127.0.0.1:{stack.ports.host}/api/v1/content/items/hsk1-01-01"
        self._tokens = [stack.token(f"records-{number}") for number in range(40)]  # each within its limits
        self._turns = itertools.count()
        self.answered: dict[str, int] = {}

    async def call(self, until: asyncio.Event) -> None:
        """Ask again and again. What the host does not answer any more is no answer."""
        async with aiohttp.ClientSession() as http:
            while not until.is_set():
                turn = next(self._turns)
                token = REFUSED if turn % 5 == 4 else self._tokens[turn % len(self._tokens)]
                await asyncio.sleep(0.01)
                with suppress(aiohttp.ClientError):
                    async with http.get(self._url, headers={"Authorization": f"Bearer {token}"}) as answer:
                        await answer.read()
                        if correlation_id := answer.headers.get("X-Correlation-Id"):
                            self.answered[correlation_id] = answer.status


@pytest.mark.timeout(300)
async def test_a_clean_end_under_load_loses_no_record(own_stack: Stack) -> None:
    """As many access, authentication and routing records as answers, one each."""
    await own_stack.start()
    callers, stop = Callers(own_stack), asyncio.Event()
    async with asyncio.TaskGroup() as load:
        for _ in range(AT_ONCE):
            load.create_task(callers.call(stop))
        await eventually(lambda: _many(callers, 100), 60, "the load")
        await own_stack.end_part("host")
        stop.set()
    good = {each for each, status in callers.answered.items() if status == 200}
    assert Counter(callers.answered.values()).keys() == {200, 401}

    async def recorded(name: str, expected: Counter[str]) -> None:
        """The host that is up again writes its own within a second or two."""

        async def all_there() -> bool:
            lines = await read(own_stack.ports, "integration", f"api_gateway/{name}")
            found = Counter(line["correlation_id"] for line in lines if line["correlation_id"] in callers.answered)
            return found == expected

        await eventually(all_there, 15, f"a record in {name} for each answer")

    every = Counter(callers.answered.keys())
    await recorded("request_logs", every)
    await recorded("authentication_logs", every)
    await recorded("service_routing_data", Counter(good))
    async with api_of(own_stack, "records-mei") as api:  # and it is up again
        assert (await api.call("GET", "/api/v1/content/items/hsk1-01-01"))[0] == 200


async def _many(callers: Callers, count: int) -> bool:
    return len(callers.answered) >= count
