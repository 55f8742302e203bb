"""For operators: what happened."""

from __future__ import annotations

import uuid
from typing import Annotated

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from functions.http.spans import span
from shared_code.bootstrap import app
from shared_code.domain.errors import BadRequest
from shared_code.domain.events.catalogue import find
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.fields import Moment
from shared_code.domain.principal import Principal
from shared_code.events.search import Page, Wanted
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.events import FIND_EVENTS

bp = func.Blueprint()


class EventQuery(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Which events: by one of `correlation_id`, `learner` and `type`."""

    correlation_id: Annotated[uuid.UUID | None, Meta(description="The request, or other cause, that led to them.")] = (
        None
    )
    learner: Annotated[
        str, Meta(max_length=128, description="The learner, or the content item, that they are about.")
    ] = ""
    tenant: Annotated[str, Meta(max_length=64, description="The learner's tenant; the caller's own if left out.")] = ""
    type: Annotated[str, Meta(max_length=128, description="Their type, as in the events' description.")] = ""
    start: Annotated[Moment | None, Meta(description="From this time on; by type alone, a day ago if left out.")] = None
    end: Annotated[Moment | None, Meta(description="Up to but without this time; by type alone, now.")] = None
    after: Annotated[str, Meta(max_length=128, description="The `next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=500, description="The most events of a page.")] = 100


class FoundEvents(Struct, frozen=True):
    """A page of stored events in order of time. `next` is the `after` of the next page, null on the last one.

    What led to an event is the event whose id is its `causationid`.
    """

    events: tuple[CloudEvent, ...]
    next: str | None


@bp.route(route=FIND_EVENTS.path, methods=[FIND_EVENTS.method])
async def http_find_events(req: func.HttpRequest) -> func.HttpResponse:
    """Find stored events: what a request led to, what happened to a learner, or all of a type."""

    async def endpoint(request: Request) -> Response:
        page = await _find(decode_query(request, EventQuery), request.caller)
        return Response(200, FoundEvents(tuple(stored.event for stored in page.events), page.next))

    return await serve(req, FIND_EVENTS, endpoint)


async def _find(query: EventQuery, caller: Principal) -> Page:
    if query.type and find(query.type) is None:
        raise BadRequest(f"'{query.type}' is no event type; /api/asyncapi.json names them.", code="type-unknown")
    running = app()
    wanted = Wanted(sees=caller.sees, type=query.type, start=query.start, end=query.end)
    if query.correlation_id is not None and not query.learner:
        correlation_id = str(query.correlation_id)
        return await running.events.search.of_correlation(correlation_id, wanted, after=query.after, limit=query.limit)
    if query.learner and query.correlation_id is None:
        stream = running.people.pseudonym(query.tenant or caller.tenant, query.learner)
        return await running.events.search.of_stream(stream, wanted, after=query.after, limit=query.limit)
    if query.type and query.correlation_id is None:
        start, end = span(query.start, query.end)
        wanted = Wanted(sees=caller.sees, type=query.type, start=start, end=end)
        return await running.events.search.of_type(query.type, wanted, after=query.after, limit=query.limit)
    raise BadRequest(
        "Say which: by one of correlation_id and learner, or by type; type, from and to narrow either.",
        code="selection-missing",
    )
