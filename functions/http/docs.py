"""What this API is, for machines and people."""

from __future__ import annotations

from functools import cache
from typing import Any

import azure.functions as func
import msgspec

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes import ROUTES
from shared_code.gateway.routes.about import ASYNCAPI, DOCS, OPENAPI
from shared_code.gateway.routes.unknown import UNKNOWN

bp = func.Blueprint()
VERSION = "1.0.0"
KEPT = {"Cache-Control": "public, max-age=300"}


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of every route, those of services in this process included."""
    from functions.http.documented import OPERATIONS
    from shared_code.gateway.openapi.document import openapi

    ours = [(route, OPERATIONS[route.name]) for route in ROUTES if route not in UNKNOWN]
    return openapi([*ours, *app().gateway.documented()], version=VERSION)


@bp.route(route=OPENAPI.path, methods=[OPENAPI.method])
async def http_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """Describe the API in OpenAPI 3.1."""

    async def endpoint(_: Request) -> Response:
        return Response(200, msgspec.json.encode(document()), dict(KEPT))

    return await serve(req, OPENAPI, endpoint)


@bp.route(route=ASYNCAPI.path, methods=[ASYNCAPI.method])
async def http_asyncapi(req: func.HttpRequest) -> func.HttpResponse:
    """Describe the events in AsyncAPI 3.0."""

    async def endpoint(_: Request) -> Response:
        from shared_code.events.asyncapi import asyncapi

        return Response(200, asyncapi(), dict(KEPT))

    return await serve(req, ASYNCAPI, endpoint)


@bp.route(route=DOCS.path, methods=[DOCS.method])
async def http_docs(req: func.HttpRequest) -> func.HttpResponse:
    """Describe the API on a page to read."""

    async def endpoint(_: Request) -> Response:
        from shared_code.gateway.openapi.page import CSP, page

        headers = {**KEPT, "Content-Security-Policy": CSP}
        return Response(200, page(document()), headers, "text/html")

    return await serve(req, DOCS, endpoint)
