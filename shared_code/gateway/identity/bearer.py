"""The `Authorization` header."""

from __future__ import annotations

from shared_code.gateway.http import Request


def bearer(request: Request) -> str:
    """The bearer token (RFC 6750, section 2.1), empty where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
