"""For operators: what happened, and how sagas stand."""

from __future__ import annotations

import uuid
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import msgspec

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import BadRequest, NotFound
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes import FIND_EVENTS, GET_SAGA

bp = df.Blueprint()


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
        return Response(200, {"events": [msgspec.to_builtins(each.event) for each in stored]})

    return await serve(req, FIND_EVENTS, endpoint)


@bp.route(route=GET_SAGA.path, methods=[GET_SAGA.method])
@bp.durable_client_input(client_name="client")
async def http_get_saga(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Look at one saga: its state, the step it is at and what it has done."""

    async def endpoint(request: Request) -> Response:
        saga_id = request.params["saga_id"]
        status = await client.get_status(saga_id)
        if status is None or status.runtime_status is None:
            raise NotFound("There is no such saga.")
        return Response(
            200,
            {
                "id": saga_id,
                "saga": status.name,
                "status": status.runtime_status.name,
                "progress": status.custom_status,
                "started_at": status.created_time,
                "updated_at": status.last_updated_time,
            },
        )

    return await serve(req, GET_SAGA, endpoint)
