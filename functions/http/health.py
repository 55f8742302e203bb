"""Whether the app runs, and whether what it needs answers."""

from __future__ import annotations

import azure.functions as func

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.about import LIVE, READY

bp = func.Blueprint()


@bp.route(route=LIVE.path, methods=[LIVE.method])
async def http_live(req: func.HttpRequest) -> func.HttpResponse:
    """Answer: this alone shows that the app runs."""

    async def endpoint(_: Request) -> Response:
        return Response(200, {"status": "live"})

    return await serve(req, LIVE, endpoint)


@bp.route(route=READY.path, methods=[READY.method])
async def http_ready(req: func.HttpRequest) -> func.HttpResponse:
    """Ask everything that the app needs; 503 names what is down."""

    async def endpoint(_: Request) -> Response:
        return Response(200, await app().readiness.report())

    return await serve(req, READY, endpoint)
