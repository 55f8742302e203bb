"""May the caller use this route?"""

from __future__ import annotations

from shared_code.gateway.http import Endpoint, Request, Response


async def authorize(request: Request, proceed: Endpoint) -> Response:
    """Check the caller's roles and scopes against the route's. Whose thing it is, is the use case's question."""
    if not request.route.access.public:
        request.route.access.require(request.caller)
    return await proceed(request)
