"""The public API as any client sees it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import aiohttp

from local.ports import HOST, Ports


class Api:
    """One caller with one bearer token."""

    def __init__(self, ports: Ports, token: str) -> None:
        self._http = aiohttp.ClientSession(
            f"http://{HOST}:{ports.host}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=30),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | None = None,
        content_type: str | None = None,
        **query: str,
    ) -> tuple[int, dict[str, Any], str]:
        """Return the status, the JSON body and the correlation id of an answer."""
        headers = {"Content-Type": content_type} if content_type else {}
        async with self._http.request(method, path, json=json, data=data, headers=headers, params=query) as response:
            return response.status, await response.json(content_type=None), response.headers["X-Correlation-Id"]

    async def attempt(self, session_id: str, text: str, wav: bytes) -> tuple[int, dict[str, Any], str]:
        """Submit one spoken attempt."""
        return await self.call(
            "POST", f"/api/v1/sessions/{session_id}/attempts", data=wav, content_type="audio/wav", text=text
        )
