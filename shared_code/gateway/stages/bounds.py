"""Is this of a size that a request has?"""

from __future__ import annotations

from shared_code.domain.errors import AppError
from shared_code.gateway.http import Endpoint, Request, Response

MAX_URL = 4096  # characters of path and query
MAX_HEADERS = 16 * 1024  # characters of names and values; Entra's longest tokens fit twice


class UrlTooLong(AppError):
    """The URL is longer than any that we give out."""

    status, code = 414, "url-too-long"


class HeadersTooLarge(AppError):
    """The headers are larger than any client needs."""

    status, code = 431, "headers-too-large"


async def bounds(request: Request, proceed: Endpoint) -> Response:
    """Refuse URLs and headers beyond their limits, before anybody looks into them."""
    url = len(request.path) + sum(len(name) + len(value) + 2 for name, value in request.query.items())
    if url > MAX_URL:
        raise UrlTooLong(f"The URL may have {MAX_URL} characters at most.")
    if sum(len(name) + len(value) for name, value in request.headers.items()) > MAX_HEADERS:
        raise HeadersTooLarge(f"The headers may have {MAX_HEADERS} characters at most.")
    return await proceed(request)
