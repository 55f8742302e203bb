"""The gateway's catch-all: every service that is registered, by name."""

from __future__ import annotations

import azure.functions as func

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.gateway.routes.services import SERVICES, SERVICES_PATH

bp = func.Blueprint()
BY_METHOD = {route.method: route for route in SERVICES}


@bp.route(route=SERVICES_PATH, methods=list(BY_METHOD))
async def http_to_service(req: func.HttpRequest) -> func.HttpResponse:
    """Take a request to the service that it names."""
    return await serve(req, BY_METHOD[req.method], app().gateway.to_service)
