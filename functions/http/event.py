"""One event, for services: what a large event's message refers to."""

from __future__ import annotations

from typing import Annotated

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import NotFound
from shared_code.domain.events.catalogue import READ_ANY, find
from shared_code.domain.principal import Principal
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.events import READ_EVENT

bp = func.Blueprint()


class EventPlace(Struct, frozen=True, kw_only=True):
    """Whose event it is, as the message's `dataref` says."""

    tenant: Annotated[str, Meta(max_length=64, description="The event's tenant; the caller's own if left out.")] = ""
    subject: Annotated[str, Meta(max_length=128, description="The event's subject.")] = ""


@bp.route(route=READ_EVENT.path, methods=[READ_EVENT.method])
async def http_read_event(req: func.HttpRequest) -> func.HttpResponse:
    """Fetch an event whole. One whose learner was erased is not there."""

    async def endpoint(request: Request) -> Response:
        place = decode_query(request, EventPlace)
        tenant = place.tenant or request.caller.tenant
        stored = None
        if request.caller.sees(tenant):
            stream = app().people.pseudonym(tenant, place.subject)
            stored = await app().events.store.find(stream, request.params["event_id"])
        if stored is None or stored.erased or not _may_read(request.caller, stored.event.type):
            raise NotFound("There is no such event.")
        return Response(200, stored.event)

    return await serve(req, READ_EVENT, endpoint)


def _may_read(caller: Principal, event_type: str) -> bool:
    kind = find(event_type)
    return caller.has_role("service") or (
        kind is not None and not caller.scopes.isdisjoint((READ_ANY, kind.read_scope))
    )
