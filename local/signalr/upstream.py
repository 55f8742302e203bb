"""Events that go to the app: who connected, who is gone, what clients send.

learn.microsoft.com/azure/azure-signalr/concept-upstream. There is one rule, for every hub, category and event.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from urllib.parse import quote

import aiohttp

from local.signalr.connection import Connection
from local.signalr.tokens import KEYS

log = logging.getLogger("local.signalr")
TIMEOUT = aiohttp.ClientTimeout(total=30)
NOBODY = 404  # what an app that is not there counts as: no rule that matches


class Upstream:
    """Posts events to one URL, which may hold {hub}, {category} and {event}; a connection's one after another."""

    def __init__(self, template: str, http: aiohttp.ClientSession) -> None:
        self._template = template
        self._http = http

    async def post(
        self, connection: Connection, category: str, event: str, body: bytes, content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Tell the app; the status and the body of its answer."""
        url = self._template.format(hub=connection.hub, category=category, event=quote(event, safe=""))
        headers = {
            "X-ASRS-Connection-Id": connection.id,
            "X-ASRS-Hub": connection.hub,
            "X-ASRS-Category": category,
            "X-ASRS-Event": event,
            "X-ASRS-Signature": signature(connection.id),
            "X-ASRS-Client-Query": connection.query,
            "X-ASRS-User-Claims": ", ".join(f"{name}: {value}" for name, value in connection.claims.items()),
            "Content-Type": content_type,
        }
        if connection.user is not None:
            headers["X-ASRS-User-Id"] = connection.user
        async with connection.turn:
            try:
                async with self._http.post(url, data=body, headers=headers, timeout=TIMEOUT) as response:
                    return response.status, await response.read()
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # ValueError: a header with a line break
                log.info("upstream %s/%s: %s", category, event, type(error).__name__)
                return NOBODY, b""


def signature(connection_id: str) -> str:
    """What proves that an event comes from the service: HMAC-SHA256 of the connection id, one a key."""
    digests = (hmac.new(key.encode(), connection_id.encode(), hashlib.sha256).hexdigest() for key in KEYS)
    return ",".join(f"sha256={digest}" for digest in digests)
