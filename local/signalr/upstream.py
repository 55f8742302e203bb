"""Events that go to the app: who connected, who is gone, what clients send.

learn.microsoft.com/azure/azure-signalr/concept-upstream. One connection's events go one after another.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections import deque

import aiohttp

from local.keys import SIGNALR_ACCESS_KEY
from local.signalr.connection import Connection
from local.signalr.protocol import Message

log = logging.getLogger("signalr")
TIMEOUT = 30.0  # seconds
KEPT = 1000  # events that the log remembers


class Upstream:
    """Posts events to one URL. Not found or nobody there: the event is dropped, as where no rule matches."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._http: aiohttp.ClientSession | None = None
        self._turns: dict[str, asyncio.Lock] = {}
        self.log: deque[dict[str, object]] = deque(maxlen=KEPT)

    async def connected(self, hub: str, connection: Connection) -> bool:
        """Tell the app; false where it refuses the client, which is a 401 or 403 alone."""
        status, _ = await self._post(hub, connection, "connections", "connected", b'{"type":10}', "application/json")
        return status not in (401, 403)

    async def disconnected(self, hub: str, connection: Connection, error: str | None) -> None:
        """Tell the app; always the last event of a connection."""
        body = json.dumps({"type": 11, "error": error} if error else {"type": 11}).encode()
        await self._post(hub, connection, "connections", "disconnected", body, "application/json")
        self._turns.pop(connection.id, None)

    async def message(self, hub: str, connection: Connection, message: Message) -> bytes | None:
        """Pass a client's message on; the app's answer in the hub protocol, if it gave one. Raises UpstreamFailed."""
        status, body = await self._post(
            hub, connection, "messages", message.target, message.raw, connection.protocol.content_type
        )
        if status in (200, 204):
            return body or None
        if status == 404:
            return None
        raise UpstreamFailed(f"Invocation failed, status code {status}.")

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._http is not None:
            await self._http.close()

    async def _post(
        self, hub: str, connection: Connection, category: str, event: str, body: bytes, content_type: str
    ) -> tuple[int, bytes]:
        url = self._template.format(hub=hub, category=category, event=event)
        headers = {
            "X-ASRS-Connection-Id": connection.id,
            "X-ASRS-Hub": hub,
            "X-ASRS-Category": category,
            "X-ASRS-Event": event,
            "X-ASRS-Signature": signature(connection.id),
            "X-ASRS-Client-Query": connection.query,
            "Content-Type": content_type,
        }
        if connection.user is not None:
            headers["X-ASRS-User-Id"] = connection.user
        if connection.claims:
            headers["X-ASRS-User-Claims"] = ", ".join(f"{name}: {value}" for name, value in connection.claims.items())
        async with self._turns.setdefault(connection.id, asyncio.Lock()):
            try:
                if self._http is None:
                    self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
                async with self._http.post(url, data=body, headers=headers) as response:
                    status, answer = response.status, await response.read()
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # ValueError: a claim with a line break
                log.info("upstream %s/%s: %s", category, event, type(error).__name__)
                status, answer = 404, b""
        self.log.append({"connection_id": connection.id, "category": category, "event": event, "status": status})
        return status, answer


class UpstreamFailed(Exception):
    """The app failed on a client's message; the client hears so if it waits for a result."""


def signature(connection_id: str) -> str:
    """What proves that an event comes from the service: HMAC-SHA256 of the connection id, one a key."""
    return "sha256=" + hmac.new(SIGNALR_ACCESS_KEY.encode(), connection_id.encode(), hashlib.sha256).hexdigest()
