"""Requests as a trigger hands them to the gateway, and an endpoint that says who called."""

from __future__ import annotations

import json
import re
from typing import Any

from shared_code.domain.clock import utc_now
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.route import Route

NAMED = {"service": "progress", "path": "me", "saga_id": "learning-progress-1", "id": "i1"}
ANY_ID = "0197f6c8-0000-7000-8000-000000000001"
PARAMETER = re.compile(r"\{\*?(\w+)\}")


def request(route: Route, token: str | None = None, **changes: Any) -> Request:
    headers = dict(changes.pop("headers", {}))
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    named = NAMED | {name: NAMED.get(name, ANY_ID) for name in PARAMETER.findall(route.path)}
    return Request(
        route=route,
        method=route.method,
        path="/api/" + PARAMETER.sub(lambda found: named[found[1]], route.path),
        received_at=utc_now(),
        params=changes.pop("params", named),
        headers=headers,
        **changes,
    )


async def who(request: Request) -> Response:
    caller = request.principal
    return Response(200, {"caller": caller.id if caller else None, "correlation_id": request.correlation_id})


def body_of(response: Response) -> dict[str, Any]:
    return dict(json.loads(response.payload()))
