"""How long a request may take."""

from __future__ import annotations

import asyncio
import time

from shared_code.domain.errors import DeadlineExceeded
from shared_code.gateway.http import Endpoint, Request, Response

TIMEOUT_HEADER = "x-timeout-ms"


async def deadline(request: Request, proceed: Endpoint) -> Response:
    """Cancel what takes longer than the caller can wait and answer 504. What was recorded by then stays recorded.

    The route's deadline counts, or `X-Timeout-Ms` where the caller has less time than that.
    """
    seconds = request.route.deadline
    asked = request.headers.get(TIMEOUT_HEADER, "")
    if asked.isdecimal() and len(asked) < 10:
        seconds = min(seconds, int(asked) / 1000)
    request.ends_at = min(request.ends_at, time.monotonic() + seconds)
    timeout = asyncio.timeout(left(request))
    try:
        async with timeout:
            return await proceed(request)
    except TimeoutError:
        if not timeout.expired():
            raise  # somebody else's time-out: a fault, not our deadline
        raise DeadlineExceeded("This took too long.", retry_after=1) from None


def left(request: Request) -> float:
    """Seconds until the request's deadline, 0 when it has passed."""
    return max(0.0, request.ends_at - time.monotonic())
