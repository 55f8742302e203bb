"""The running API's operations, and requests that fit them, from its own description."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import schemathesis
from hypothesis import HealthCheck, Phase, find, settings
from schemathesis.core import NotSet
from schemathesis.transport.serialization import Binary

import tests.e2e.fuzzing_hooks  # noqa: F401  teaches schemathesis to write audio

QUICKLY = settings(
    max_examples=1, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


class Nobodys(dict[str, str]):
    """For every name in a path something that is not there."""

    def __missing__(self, name: str) -> str:
        return "0197f6c8-0000-7000-8000-00000000dead" if name.endswith("_id") else "nobodys"


NOBODYS = Nobodys()
BEYOND_SCHEMAS = {"url": "https://hooks.school.example/", "types": ["sayzhong.learning.progress-recorded.v1"]}
"""What fits where the description cannot say all that is asked for, by the name of the member."""


@dataclass(frozen=True)
class Described:
    """One operation: where it is, who may use it (roles; none: everybody with a token), and a request that fits it.

    `parameters` are the names in its path, `asks` those that its query may have; `query` has the required ones.
    """

    method: str
    path: str
    public: bool
    roles: frozenset[str]
    description: str
    parameters: frozenset[str]
    query: dict[str, Any]
    asks: frozenset[str]
    body: bytes | None
    content_type: str

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    async def send(
        self, http: aiohttp.ClientSession, base: str, token: str, ids: Mapping[str, str], **query: str
    ) -> tuple[int, str]:
        """Status and text of the answer to this request with these ids in its path."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if self.body is not None:
            headers["Content-Type"] = self.content_type
        asked = {**self.query, **{name: value for name, value in query.items() if name in self.asks}}
        url = base + self.path.format_map(ids)
        async with http.request(self.method, url, params=asked, data=self.body, headers=headers) as answer:
            return answer.status, await answer.text()


async def described(base: str) -> list[Described]:
    """Every operation of the document at `base`."""
    async with aiohttp.ClientSession() as http, http.get(f"{base}/openapi.json") as answer:
        document = await answer.json()
    return await asyncio.to_thread(_all, document)


def _all(document: dict[str, Any]) -> list[Described]:
    schema = schemathesis.openapi.from_dict(document)
    return [
        _one(method, path.replace("{service}/{path}", "unregistered/{path}"), operation, schema[path][method])
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def _one(method: str, path: str, operation: dict[str, Any], generator: Any) -> Described:
    case = find(generator.as_strategy(), lambda _: True, settings=QUICKLY)
    asks = {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}
    return Described(
        method=method.upper(),
        path=path,
        public=operation["security"] == [{}],
        roles=frozenset(role for entry in operation["security"] for role in entry.get("bearer", ())),
        description=operation["description"],
        parameters=frozenset(each["name"] for each in operation["parameters"] if each["in"] == "path"),
        query={name: value for name, value in (case.query or {}).items() if asks[name]["required"]},
        asks=frozenset(asks),
        body=_bytes(case.body),
        content_type=case.media_type or "",
    )


def _bytes(body: Any) -> bytes | None:
    if isinstance(body, NotSet):
        return None
    if isinstance(body, dict):
        body = {name: BEYOND_SCHEMAS.get(name, value) for name, value in body.items()}
    return body.data if isinstance(body, Binary) else msgspec.json.encode(body)
