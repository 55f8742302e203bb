"""A client that insists: it asks again, under the same ids, until it has an answer."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Self

import aiohttp

from local.ports import HOST
from tests.drills.ledger import Ledger
from tests.e2e.stack import Stack

PASSING = frozenset({429, 500, 502, 503, 504})
IN_PROGRESS = "idempotency-in-progress"
PAUSE = 0.3  # seconds before it is asked again
Answer = dict[str, Any]


class Refused(Exception):
    """An answer that asking again does not change."""


class Caller:
    """One person at the public API, across any number of crashes."""

    def __init__(self, stack: Stack, ledger: Ledger, name: str, *roles: str) -> None:
        self._ledger = ledger
        self._http = aiohttp.ClientSession(
            f"http://{HOST}:{stack.ports.host}",
            headers={"Authorization": f"Bearer {stack.token(name, *roles)}"},
            timeout=aiohttp.ClientTimeout(total=20),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def get(self, path: str, **query: str) -> Answer:
        """Read something. Raises Refused."""
        return await self._insist("GET", path, params=query)

    async def counts(self) -> tuple[int, int]:
        """How many attempts the caller's progress counts, and how many plans were made from them."""
        progress = await self.get("/api/v1/progress/me")
        try:
            plan = await self.get("/api/v1/planning/me")
        except Refused:  # there is no plan before the first attempt
            plan = {"version": 0}
        return progress["attempts"], plan["version"]

    async def post(self, path: str, key: str, **request: Any) -> Answer:
        """Order something, once: `key` is both the Idempotency-Key and the correlation id (a UUID). Raises Refused."""
        headers = {"Idempotency-Key": key, "X-Correlation-Id": key, **request.pop("headers", {})}
        began = time.monotonic()
        answer = await self._insist("POST", path, headers=headers, **request)
        self._ledger.answered.append((time.monotonic(), time.monotonic() - began))
        return answer

    async def _insist(self, method: str, path: str, **request: Any) -> Answer:
        while True:
            try:
                async with self._http.request(method, path, **request) as response:
                    body: Answer = await response.json(content_type=None)
                    status = response.status
            except (aiohttp.ClientError, TimeoutError, ValueError):
                status, body = 503, {}
            if status < 300:
                return body
            if status not in PASSING and body.get("code") != IN_PROGRESS:
                raise Refused(f"{method} {path}: {status} {body}")
            self._ledger.retries += 1
            await asyncio.sleep(PAUSE)
