"""One id through everything that follows from a request."""

from __future__ import annotations

import re
import secrets
import uuid

from shared_code.domain.identifiers import uuid7
from shared_code.gateway.http import CORRELATION_HEADER, Endpoint, Request, Response

# W3C Trace Context, section 3.2: version 00 is exact, a later one may carry more; all-zero ids are invalid.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")


async def correlate(request: Request, proceed: Endpoint) -> Response:
    """Take the caller's correlation id where it is a UUID, mint one where not, continue its trace, answer with the id.

    A correlation id that is no UUID is replaced, not refused: it would only fail a request that could have worked.
    """
    request.correlation_id = _correlation_id(request)
    request.traceparent = _continued(request.headers.get("traceparent", ""))
    response = await proceed(request)
    response.headers[CORRELATION_HEADER] = request.correlation_id
    return response


def _correlation_id(request: Request) -> str:
    try:
        return str(uuid.UUID(request.headers[CORRELATION_HEADER.lower()]))
    except (KeyError, ValueError):
        return uuid7(request.received_at)


def _continued(traceparent: str) -> str:
    """The same trace with a span of our own, or a new trace."""
    match = TRACEPARENT.fullmatch(traceparent)
    trace, flags = (match[1], match[2]) if match else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
