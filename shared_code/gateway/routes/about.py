"""Whether the app runs, and what it offers."""

from __future__ import annotations

from shared_code.gateway.access import PUBLIC
from shared_code.gateway.routes.route import Route

LIVE = Route(name="live", method="GET", path="health/live", access=PUBLIC, summary="Whether the app runs")
READY = Route(
    name="ready", method="GET", path="health/ready", access=PUBLIC, summary="Whether what the app needs answers"
)
OPENAPI = Route(name="openapi", method="GET", path="openapi.json", access=PUBLIC, summary="This API in OpenAPI 3.1")
ASYNCAPI = Route(
    name="asyncapi", method="GET", path="asyncapi.json", access=PUBLIC, summary="The events, in AsyncAPI 3.0"
)
DOCS = Route(name="docs", method="GET", path="docs", access=PUBLIC, summary="This API for people to read")

ROUTES: tuple[Route, ...] = (
    LIVE,
    READY,
    OPENAPI,
    ASYNCAPI,
    DOCS,
)
