"""For operators: what happened."""

from __future__ import annotations

import uuid

import azure.functions as func
import msgspec

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import BadRequest
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes import FIND_EVENTS

bp = func.Blueprint()


def _correlation_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise BadRequest("Say which, by its UUID: ?correlation_id=…", code="correlation-id-invalid") from None


@bp.route(route=FIND_EVENTS.path, methods=[FIND_EVENTS.method])
async def http_find_events(req: func.HttpRequest) -> func.HttpResponse:
    """Find stored events by correlation id: everything that one request led to, in order of time."""

    async def endpoint(request: Request) -> Response:
        stored = await app().events.by_correlation(_correlation_id(request.query.get("correlation_id", "")))
        seen = [each.event for each in stored if request.caller.sees(each.event.tenantid)]
        return Response(200, {"events": [msgspec.to_builtins(event) for event in seen]})

    return await serve(req, FIND_EVENTS, endpoint)
