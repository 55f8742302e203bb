"""How long a request may take."""

from __future__ import annotations

import asyncio

from shared_code.domain.errors import DeadlineExceeded
from shared_code.gateway.http import Endpoint, Request, Response


async def deadline(request: Request, proceed: Endpoint) -> Response:
    """Cancel what takes longer than the route's deadline and answer 504. What was recorded by then stays recorded."""
    timeout = asyncio.timeout(request.route.deadline)
    try:
        async with timeout:
            return await proceed(request)
    except TimeoutError:
        if not timeout.expired():
            raise  # somebody else's time-out: a fault, not our deadline
        raise DeadlineExceeded("This took too long.", retry_after=1) from None
