"""What no other route takes. Azure tries routes in the order of function names, and this one's is the last."""

from __future__ import annotations

import azure.functions as func

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.gateway.routes.unknown import UNKNOWN, UNKNOWN_PATH

bp = func.Blueprint()
BY_METHOD = {route.method: route for route in UNKNOWN}


@bp.route(route=UNKNOWN_PATH)  # whatever the method
async def http_unknown(req: func.HttpRequest) -> func.HttpResponse:
    """Answer browsers' preflights, and everything else with a problem document."""
    return await serve(req, BY_METHOD.get(req.method, UNKNOWN[0]), app().gateway.unknown)
