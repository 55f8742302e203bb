"""Requests as a trigger hands them to the gateway, and an endpoint that says who called."""

from __future__ import annotations

import json
from typing import Any

from shared_code.domain.clock import utc_now
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes import Route

ROUTE_IDS = {"session_id": "0197f6c8-0000-7000-8000-000000000001", "saga_id": "learning-progress-1", "id": "i1"}


def request(route: Route, token: str | None = None, **changes: Any) -> Request:
    headers = dict(changes.pop("headers", {}))
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    path = "/api/" + route.path.replace("{*path}", "{path}").format(service="progress", path="me", **ROUTE_IDS)
    return Request(
        route=route,
        method=route.method,
        path=path,
        received_at=utc_now(),
        params=changes.pop("params", {"service": "progress", "path": "me", **ROUTE_IDS}),
        headers=headers,
        **changes,
    )


async def who(request: Request) -> Response:
    caller = request.principal
    return Response(200, {"caller": caller.id if caller else None, "correlation_id": request.correlation_id})


def body_of(response: Response) -> dict[str, Any]:
    return dict(json.loads(response.payload()))
