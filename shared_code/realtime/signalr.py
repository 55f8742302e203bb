"""Azure SignalR Service's data-plane REST API, version 2022-06-01, in serverless mode.

Used for what the output binding cannot do: tokens for clients, a user's groups with a lifetime, and pushes that must
not fail the function that makes them (docs/adr/0021).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import jwt
from msgspec import Struct
from opentelemetry.metrics import get_meter
from yarl import URL

from shared_code.domain.errors import Unavailable
from shared_code.domain.side_effects import latched
from shared_code.realtime.push import Push

if TYPE_CHECKING:
    import aiohttp

API_VERSION = "2022-06-01"
HUB = "learning"
CLIENT_TOKEN_MINUTES = 60
TIMEOUT = 5.0  # seconds
PUSH_DEADLINE = 0.5  # seconds: what a push may add to the answer that it goes before
ENTRA_SCOPE = "https://signalr.azure.com/.default"

log = logging.getLogger(__name__)
lost_pushes = get_meter("sayzhong.realtime").create_counter(
    "sayzhong.realtime.lost_pushes",
    unit="{push}",
    description="Pushes that failed and were let go, by type and reason.",
)

Bearer = Callable[[str], Awaitable[str]]  # the URL of a call -> the bearer token for it


class ClientAccess(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a SignalR client needs to connect: the SDK's own convention for a negotiation's answer."""

    url: str
    access_token: str


def parse_connection_string(text: str) -> tuple[str, str]:
    """Return the endpoint with its port, and the access key, of `Endpoint=…;Port=…;AccessKey=…;Version=1.0;`."""
    parts = dict(part.split("=", 1) for part in text.split(";") if part)
    endpoint = parts["Endpoint"].rstrip("/")
    return (f"{endpoint}:{parts['Port']}" if "Port" in parts else endpoint), parts["AccessKey"]


def key_bearer(access_key: str) -> Bearer:
    """Sign a token for each call with the access key (HS256, the audience is the call's URL)."""

    async def bearer(url: str) -> str:
        return jwt.encode({"aud": url, "exp": int(time.time()) + 300}, access_key, algorithm="HS256")

    return bearer


def entra_bearer(client_id: str) -> Bearer:
    """Prove who we are with our identity in Azure; the SDK keeps the token until shortly before it expires."""
    credential: Any = None

    async def bearer(_url: str) -> str:
        nonlocal credential
        if credential is None:
            from shared_code.storage.identity import identity

            credential = identity(client_id)
        return str((await credential.get_token(ENTRA_SCOPE)).token)

    return bearer


class SignalRService:
    """The app's side of the hub `learning`. One a process; `close` when the process ends."""

    def __init__(self, endpoint: str, bearer: Bearer) -> None:
        self._endpoint = endpoint
        self._bearer = bearer
        self._session: aiohttp.ClientSession | None = None

    async def client_access(self, user: str) -> ClientAccess:
        """Let a user (a pseudonym) connect for the next hour."""
        answer = await self._call("POST", "/:generateToken", {"userId": user, "minutesToExpire": CLIENT_TOKEN_MINUTES})
        return ClientAccess(url=f"{self._endpoint}/client/?hub={HUB}", access_token=str(answer["token"]))

    async def join(self, user: str, group: str, seconds: int) -> None:
        """Put a user into a group for that long; membership is the user's, so it survives a reconnect."""
        await self._call("PUT", f"/users/{quote(user, safe='')}/groups/{quote(group, safe='')}", {"ttl": seconds})

    async def leave(self, user: str, group: str) -> None:
        """Take a user out of a group."""
        await self._call("DELETE", f"/users/{quote(user, safe='')}/groups/{quote(group, safe='')}", {})

    async def show(self, pushes: Sequence[Push]) -> None:
        """Push what is on channels already. The channel is the record, a push the hint that it grew.

        So one that fails, or that takes more than half a second, is counted, logged and let go. Nothing is pushed while
        side effects are latched.
        """
        if not latched():
            await asyncio.gather(*(self._show(push) for push in pushes))

    async def _show(self, push: Push) -> None:
        message = push.message()
        user = quote(message.pop("userId"), safe="")
        try:
            async with asyncio.timeout(PUSH_DEADLINE):
                await self._call("POST", f"/users/{user}/:send", {}, message)
        except (Unavailable, TimeoutError) as failure:
            code = failure.code if isinstance(failure, Unavailable) else "realtime-slow"
            lost_pushes.add(1, {"type": push.envelope.type, "reason": code})
            log.warning("realtime.push_lost", extra={"learner": push.user, "type": push.envelope.type, "code": code})

    async def healthy(self) -> bool:
        """Whether the service answers."""
        import aiohttp  # at first use: a fifth of the time that the app takes to start

        try:
            async with self._http().head(f"{self._endpoint}/api/health") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        return self._session

    async def _call(
        self, method: str, path: str, query: dict[str, Any], body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        import aiohttp

        url = f"{self._endpoint}/api/hubs/{HUB}{path}?{urlencode({**query, 'api-version': API_VERSION})}"
        headers = {"Authorization": f"Bearer {await self._bearer(url)}"}
        try:
            target = URL(url, encoded=True)  # the path is part of the token's audience: sent exactly as signed
            async with self._http().request(method, target, headers=headers, json=body) as response:
                if response.status >= 400:
                    raise Unavailable(f"The realtime service answered {response.status}.", code="realtime-unavailable")
                return dict(await response.json()) if response.content_type == "application/json" else {}
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("The realtime service does not answer.", code="realtime-unavailable") from error
