"""Is this a request that the route takes at all?"""

from __future__ import annotations

from shared_code.domain.errors import TooLarge, UnsupportedMediaType
from shared_code.gateway.http import Endpoint, Request, Response
from shared_code.gateway.media import media_type


async def accept(request: Request, proceed: Endpoint) -> Response:
    """Check size and content type of the body against the route's."""
    route = request.route
    if len(request.body) > route.max_body:
        raise TooLarge(f"The body may have {route.max_body} bytes at most.", extra={"max_bytes": route.max_body})
    if request.body and route.consumes and media_type(request) not in route.consumes:
        raise UnsupportedMediaType(f"This takes {' or '.join(route.consumes)}.", extra={"accept": list(route.consumes)})
    return await proceed(request)
