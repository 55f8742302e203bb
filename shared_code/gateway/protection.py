"""What every answer carries for the browser that may receive it."""

from __future__ import annotations

from collections.abc import Sequence

from shared_code.gateway.http import Request, Response

# owasp.org/www-project-secure-headers; nothing that we answer is to be framed, sniffed, cached or run as a page
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
}
METHODS = "GET, POST, PUT, PATCH, DELETE"
# What clients of ours send; the SignalR client adds the last two when it negotiates.
ACCEPTED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent, X-Correlation-Id, "
    "X-Timeout-Ms, X-Service-Version, X-Requested-With, X-SignalR-User-Agent"
)
EXPOSED = (
    "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Correlation-Id"
)
PREFLIGHT_KEPT = 600  # seconds


class Protection:
    """Security headers for all, and CORS (fetch.spec.whatwg.org) for the origins on the list."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    def protect(self, request: Request, response: Response) -> Response:
        """Add what is missing to an answer; what an endpoint has set itself stays."""
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        response.headers["Vary"] = "Origin"
        origin = request.headers.get("origin", "")
        if origin in self._origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"  # the SignalR client asks for it
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response

    def preflight(self, request: Request) -> Response | None:
        """The answer to a browser's question before a request, None where it is none, or from elsewhere."""
        asks = request.method == "OPTIONS" and "access-control-request-method" in request.headers
        if not asks or request.headers.get("origin") not in self._origins:
            return None
        return Response(
            204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": ACCEPTED,
                "Access-Control-Max-Age": str(PREFLIGHT_KEPT),
            },
        )
