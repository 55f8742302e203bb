"""What no other route takes."""

from __future__ import annotations

from shared_code.gateway.access import PUBLIC
from shared_code.gateway.routes.route import Route

UNKNOWN_PATH = "{*path}"
UNKNOWN = tuple(
    Route(
        name=f"unknown_{method.lower()}",
        method=method,
        path=UNKNOWN_PATH,
        access=PUBLIC,
        summary="What no other route takes",
    )
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
)
