"""The data plane as an app calls it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import jwt
from yarl import URL

from local.connections import SIGNALR_ACCESS_KEY

NEWS = {"target": "news", "arguments": [{"你": [1, None, 2.5]}, "b"]}


class Addressed(Protocol):
    """A service that can be called, in this process or in another."""

    @property
    def endpoint(self) -> str: ...


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def delivered(self) -> int:
        """To how many connections a message went; the real service does not say."""
        return int(self.headers["X-Local-Delivered"])

    @property
    def code(self) -> str:
        """The error's code, from the header."""
        return self.headers["x-ms-error-code"]


def bearer(url: str, *, key: str = SIGNALR_ACCESS_KEY, algorithm: str = "HS256", **claims: Any) -> dict[str, str]:
    """The header of a call; claims replace the right ones, None leaves one out."""
    given = {"aud": url, "exp": int(time.time()) + 60, **claims}
    token = jwt.encode(
        {name: value for name, value in given.items() if value is not None},
        key if algorithm != "none" else "",
        algorithm=algorithm,
    )
    return {"Authorization": f"Bearer {token}"}


async def call(
    service: Addressed,
    method: str,
    path: str,
    body: Any = None,
    *,
    base: str = "/api/hubs/learning",
    version: str = "2022-06-01",
    headers: dict[str, str] | None = None,
) -> Answer:
    """One call below the hub."""
    separator = "&" if "?" in path else "?"
    url = f"{service.endpoint}{base}{path}" + (f"{separator}api-version={version}" if version else "")
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, URL(url, encoded=True), json=body, headers=headers or bearer(url)) as response,
    ):
        return Answer(response.status, dict(response.headers), await response.text())
