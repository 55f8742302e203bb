"""A request and its answer, free of the host's types."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from shared_code.domain.errors import NotFound, Unauthenticated
from shared_code.domain.principal import Principal
from shared_code.gateway.routes.route import Route

JSON = "application/json"
CORRELATION_HEADER = "X-Correlation-Id"


class Push(Protocol):
    """What an answer can carry to people's screens."""

    def message(self) -> dict[str, Any]:
        """The message in the form of the `signalR` output binding."""
        ...


@dataclass(slots=True, kw_only=True)
class Request:
    """One request. Stages fill in what they find out: who calls, and under which correlation id.

    `path` is the URL's path as sent (with `/api`, without the query), `headers` have lower-case names, `params` come
    from the route's template. `client_address` is the caller's IP address as far as trusted proxies tell it, `ends_at`
    the deadline on the monotonic clock. `edge` is what API Management says of a request that came through it.
    """

    route: Route
    method: str
    path: str
    received_at: datetime
    params: dict[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    client_address: str = ""
    correlation_id: str = ""
    traceparent: str = ""
    principal: Principal | None = None
    ends_at: float = float("inf")
    edge: dict[str, str] = field(default_factory=dict)

    @property
    def caller(self) -> Principal:
        """Who calls. On a public route nobody may: raises Unauthenticated."""
        if self.principal is None:
            raise Unauthenticated("This needs a bearer token.", code="token-missing")
        return self.principal

    def identifier(self, name: str) -> str:
        """A path parameter that is a UUID, in its canonical form; anything else is not there: raises NotFound."""
        try:
            return str(uuid.UUID(self.params[name]))
        except ValueError:
            raise NotFound("There is no such thing.") from None


@dataclass(slots=True)
class Response:
    """An answer. `body` is bytes, text or anything that msgspec encodes as JSON; None is an empty body.

    `pushes` leave through the function's `signalR` output binding once it has returned, and fail it where they cannot.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    pushes: Sequence[Push] = ()

    def payload(self) -> bytes:
        """The body as it is sent; encoded once."""
        if not isinstance(self.body, bytes):
            self.body = _encoded(self.body)
        return self.body


def _encoded(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


Endpoint = Callable[[Request], Awaitable[Response]]
Stage = Callable[[Request, Endpoint], Awaitable[Response]]
Record = Callable[[str, str, dict[str, object]], None]
"""Writes one record to the data lake: container, `area/name`, facts. Returns at once and never raises."""
