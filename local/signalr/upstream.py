"""Events that go to the app: who connected, who is gone, what clients send.

learn.microsoft.com/azure/azure-signalr/concept-upstream. There is one rule, for every hub, category and event.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections import deque
from urllib.parse import quote

import aiohttp

from local.signalr.connection import Connection
from local.signalr.protocol import Message
from local.signalr.tokens import KEYS

log = logging.getLogger("local.signalr")
TIMEOUT = aiohttp.ClientTimeout(total=30)
KEPT = 1000  # events that the log remembers
NOBODY = 404  # what an app that is not there counts as: no rule that matches


class Upstream:
    """Posts events to one URL, which may hold {hub}, {category} and {event}; a connection's one after another."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._http: aiohttp.ClientSession | None = None
        self.log: deque[dict[str, object]] = deque(maxlen=KEPT)

    async def connected(self, connection: Connection) -> bool:
        """Tell the app; false where it refuses the client.

        Only an answer refuses, and only a 4xx other than 404: an app that is not there, has no function for the event
        or breaks on it keeps nobody out.
        """
        status, _ = await self._post(connection, "connections", "connected", b'{"type":10}', "application/json")
        return status == NOBODY or not 400 <= status < 500

    async def disconnected(self, connection: Connection, error: str | None) -> None:
        """Tell the app; always the last event of a connection."""
        body = json.dumps({"type": 11, "error": error} if error else {"type": 11}).encode()
        await self._post(connection, "connections", "disconnected", body, "application/json")

    async def message(self, connection: Connection, message: Message) -> bytes:
        """Pass a client's message on; the answer for a client that waits for one, as bytes of its protocol."""
        protocol = connection.protocol
        status, body = await self._post(connection, "messages", message.target, message.raw, protocol.content_type)
        if not message.invocation_id:
            return b""
        if status not in (200, 204):
            return protocol.completion(message.invocation_id, f"Invocation failed, status code {status}")
        return body or protocol.completion(message.invocation_id)

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._http is not None:
            await self._http.close()

    async def _post(
        self, connection: Connection, category: str, event: str, body: bytes, content_type: str
    ) -> tuple[int, bytes]:
        url = self._template.format(hub=connection.hub, category=category, event=quote(event, safe=""))
        headers = {
            "X-ASRS-Connection-Id": connection.id,
            "X-ASRS-Hub": connection.hub,
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
        async with connection.turn:
            try:
                if self._http is None:
                    self._http = aiohttp.ClientSession(timeout=TIMEOUT)
                async with self._http.post(url, data=body, headers=headers) as response:
                    status, answer = response.status, await response.read()
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # ValueError: a header with a line break
                log.info("upstream %s/%s: %s", category, event, type(error).__name__)
                status, answer = NOBODY, b""
        self.log.append({"connectionId": connection.id, "category": category, "event": event, "status": status})
        return status, answer


def signature(connection_id: str) -> str:
    """What proves that an event comes from the service: HMAC-SHA256 of the connection id, one a key."""
    return ",".join(
        f"sha256={hmac.new(key.encode(), connection_id.encode(), hashlib.sha256).hexdigest()}" for key in KEYS
    )
