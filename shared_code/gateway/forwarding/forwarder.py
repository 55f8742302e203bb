"""One call to one instance elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared_code.gateway.forwarding.headers import incoming, outgoing
from shared_code.gateway.forwarding.target import below, is_forbidden
from shared_code.gateway.http import JSON, Request, Response
from shared_code.gateway.registry.instance import Instance

if TYPE_CHECKING:
    import aiohttp

MAX_ANSWER = 8 * 1024 * 1024  # bytes: a function answers whole bodies, so this is memory
CONNECT = 2.0  # seconds
POOL, POOL_PER_HOST = 200, 64  # connections


class CallFailed(Exception):
    """A call brought no answer that could be passed on.

    `sent` is false where the instance cannot have seen the request. `why` is for logs and records.
    """

    def __init__(self, why: str, *, sent: bool = True, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent
        self.retry_after = retry_after  # seconds


class Forwarder:
    """Calls instances over pooled connections. Follows no redirects. `close` when the process ends."""

    def __init__(self, secret: bytes, allowed_hosts: Sequence[str]) -> None:
        self._secret = secret
        self._allowed_hosts = tuple(allowed_hosts)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, request: Request, instance: Instance, path: str, seconds: float) -> Response:
        """What the instance answers to a path below its URL, within so many seconds.

        Raises CallFailed for a 5xx, a redirect, a failed connection, a time-out or too long an answer.
        """
        import aiohttp  # at first use: a fifth of the time that the app takes to start

        target = below(instance.url, path, request.query)
        try:
            async with (
                asyncio.timeout(seconds),
                self._http().request(
                    request.method,
                    target,
                    data=request.body or None,
                    headers=outgoing(request, self._secret),
                    allow_redirects=False,
                    skip_auto_headers=("Content-Type", "User-Agent", "Accept"),
                ) as answer,
            ):
                return await _taken(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise CallFailed("not-reachable", sent=False) from error
        except TimeoutError as error:
            raise CallFailed("timeout") from error
        except aiohttp.ClientError as error:
            raise CallFailed("connection-lost") from error

    async def probe(self, instance: Instance, seconds: float) -> bool:
        """Whether an instance says that it is well."""
        import aiohttp

        target = below(instance.url, instance.health_path)
        try:
            async with asyncio.timeout(seconds), self._http().get(target, allow_redirects=False) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            from shared_code.resilience.checked_resolver import CheckedResolver

            connector = aiohttp.TCPConnector(
                limit=POOL,
                limit_per_host=POOL_PER_HOST,
                resolver=CheckedResolver(lambda _host, address: is_forbidden(address, self._allowed_hosts)),
                ttl_dns_cache=30,
            )
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _taken(answer: aiohttp.ClientResponse) -> Response:
    if answer.status >= 500 and answer.status != 501:
        raise CallFailed(f"status-{answer.status}", retry_after=_seconds(answer.headers.get("Retry-After", "")))
    if 300 <= answer.status < 400 and answer.status != 304:
        raise CallFailed("redirect")  # it could lead anywhere
    body = await answer.content.read(MAX_ANSWER + 1)
    while len(body) <= MAX_ANSWER and (more := await answer.content.read(MAX_ANSWER + 1 - len(body))):
        body += more
    if len(body) > MAX_ANSWER:
        raise CallFailed("too-large")
    headers = incoming(answer.headers)
    return Response(answer.status, body, headers, headers.pop("content-type", JSON))


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else 0.0
