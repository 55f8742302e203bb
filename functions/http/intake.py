"""Events of other systems."""

from __future__ import annotations

from typing import Any

import azure.functions as func
from msgspec import UNSET, Struct, UnsetType

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import FieldError
from shared_code.events import http_binding
from shared_code.events.intake import Outcome
from shared_code.gateway.body import require_shallow
from shared_code.gateway.http import Request, Response
from shared_code.gateway.media import media_type
from shared_code.gateway.routes.events import ACCEPT_EVENTS

bp = func.Blueprint()


class EventResult(Struct, frozen=True, kw_only=True):
    """What became of one event: `status` 202 for one that is accepted, else as a problem document would have it."""

    id: str
    status: int
    code: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    errors: tuple[FieldError, ...] | UnsetType = UNSET


class Taken(Struct, frozen=True):
    """One result an event, in the order of the request."""

    results: tuple[EventResult, ...]


@bp.route(route=ACCEPT_EVENTS.path, methods=[ACCEPT_EVENTS.method])
async def http_accept_events(req: func.HttpRequest) -> func.HttpResponse:
    """Accept CloudEvents: one (structured or binary mode), or a batch, each of which succeeds or fails by itself."""

    async def endpoint(request: Request) -> Response:
        require_shallow(request.body)
        batch = media_type(request) == http_binding.BATCHED
        events = http_binding.read_batch(request.body) if batch else [_single(request)]
        outcomes = await app().events.intake.accept(events, request.caller, request.correlation_id)
        for outcome in outcomes:
            # The ids make a repeated batch harmless, so what may go better next time is the whole request's answer.
            if outcome.failure and (outcome.failure.retryable or not batch):
                raise outcome.failure
        status = 207 if any(outcome.failure for outcome in outcomes) else 202
        return Response(status, Taken(tuple(map(_result, outcomes))))

    return await serve(req, ACCEPT_EVENTS, endpoint)


def _single(request: Request) -> Any:
    if media_type(request) == http_binding.STRUCTURED:
        return http_binding.read_structured(request.body)
    return http_binding.read_binary(request.headers, request.body)


def _result(outcome: Outcome) -> EventResult:
    failure = outcome.failure
    if failure is None:
        return EventResult(id=outcome.id, status=202)
    return EventResult(
        id=outcome.id, status=failure.status, code=failure.code, detail=str(failure), errors=failure.errors or UNSET
    )
