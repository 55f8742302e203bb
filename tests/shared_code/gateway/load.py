"""Requests at a steady rate, whatever becomes of them."""

from __future__ import annotations

import asyncio
from collections import Counter

from shared_code.gateway.gateway import Gateway
from shared_code.gateway.routes.services import SERVICES
from tests.shared_code.gateway.requests import request

RATE = 200  # requests a second
GET = next(route for route in SERVICES if route.method == "GET")


class Load:
    """Asks the service `content`, as one learner after the other, and counts the answers' statuses."""

    def __init__(self, gateway: Gateway, tokens: list[str]) -> None:
        self.statuses: Counter[int] = Counter()
        self._gateway = gateway
        self._tokens = tokens
        self._sent = 0
        self._calls: set[asyncio.Task[int]] = set()

    async def send(self, seconds: float, rate: float = RATE) -> None:
        """Send for so long, without waiting for answers."""
        clock = asyncio.get_running_loop().time
        begin = clock()
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, begin + number / rate - clock()))
            self._start()

    async def at_once(self, count: int) -> Counter[int]:
        """Send so many at one moment; the statuses of their answers."""
        return Counter(await asyncio.gather(*(self._start() for _ in range(count))))

    async def finish(self) -> None:
        """Wait for all answers."""
        await asyncio.gather(*self._calls)

    @property
    def errors(self) -> float:
        """The share of answers that are errors of ours."""
        return sum(count for status, count in self.statuses.items() if status >= 500) / self.statuses.total()

    def _start(self) -> asyncio.Task[int]:
        call = asyncio.create_task(self._call(self._tokens[self._sent % len(self._tokens)]))
        self._sent += 1
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    async def _call(self, token: str) -> int:
        sent = request(GET, token, params={"service": "content", "path": "items"})
        status = (await self._gateway.handle(sent, self._gateway.to_service)).status
        self.statuses[status] += 1
        return status
