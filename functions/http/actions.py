"""For operators: what operators did."""

from __future__ import annotations

from typing import Annotated

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from functions.http.spans import span
from shared_code.bootstrap import app
from shared_code.domain.events.fields import Moment
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.operators import LIST_ACTIONS

bp = func.Blueprint()


class ActionQuery(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Which actions."""

    start: Annotated[Moment | None, Meta(description="From this time on; a day before its end if left out.")] = None
    end: Annotated[Moment | None, Meta(description="Up to but without this time; now if left out.")] = None
    after: Annotated[str, Meta(max_length=128, description="The `next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=500, description="The most actions of a page.")] = 100


@bp.route(route=LIST_ACTIONS.path, methods=[LIST_ACTIONS.method])
async def http_list_actions(req: func.HttpRequest) -> func.HttpResponse:
    """List what operators of the caller's tenant did."""

    async def endpoint(request: Request) -> Response:
        query = decode_query(request, ActionQuery)
        start, end = span(query.start, query.end)
        tenant = request.caller.tenant
        return Response(
            200, await app().operations.actions.between(tenant, start, end, after=query.after, limit=query.limit)
        )

    return await serve(req, LIST_ACTIONS, endpoint)
