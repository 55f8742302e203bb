"""Sessions: start one, look at it, end it."""

from __future__ import annotations

from typing import Annotated

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from functions.push import signalr_output
from shared_code.bootstrap import app
from shared_code.domain.session import MOST_PARTICIPANTS, Mode
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.sessions import END_SESSION, GET_SESSION, START_SESSION

bp = func.Blueprint()

PersonId = Annotated[str, Meta(min_length=1, max_length=255)]


class StartSession(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a new session. `participants` are the ids of other people of the caller's tenant."""

    mode: Mode
    lesson_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^\S+$")] | None = None
    participants: Annotated[tuple[PersonId, ...], Meta(max_length=MOST_PARTICIPANTS - 1)] = ()


@bp.route(route=START_SESSION.path, methods=[START_SESSION.method])
@signalr_output(bp)
async def http_start_session(req: func.HttpRequest, signalR: func.Out[str]) -> func.HttpResponse:  # noqa: N803
    """Start a session and let its participants connect."""

    async def endpoint(request: Request) -> Response:
        body = decode_json(request, StartSession)
        started, pushes = await app().services.sessions.start(
            request.caller,
            request.correlation_id,
            mode=body.mode,
            lesson_id=body.lesson_id,
            participants=body.participants,
            key=request.headers.get("idempotency-key", ""),
        )
        return Response(201, started, headers={"Location": f"/api/v1/sessions/{started.session_id}"}, pushes=pushes)

    return await serve(req, START_SESSION, endpoint, signalR)


@bp.route(route=GET_SESSION.path, methods=[GET_SESSION.method])
async def http_get_session(req: func.HttpRequest) -> func.HttpResponse:
    """Look at a session that one takes part in."""

    async def endpoint(request: Request) -> Response:
        session = await app().services.sessions.joined(request.identifier("session_id"), request.caller)
        return Response(200, app().services.sessions.view(session))

    return await serve(req, GET_SESSION, endpoint)


@bp.route(route=END_SESSION.path, methods=[END_SESSION.method])
async def http_end_session(req: func.HttpRequest) -> func.HttpResponse:
    """End a session. Ending it again changes nothing."""

    async def endpoint(request: Request) -> Response:
        await app().services.sessions.end(request.identifier("session_id"), request.caller, request.correlation_id)
        return Response(204)

    return await serve(req, END_SESSION, endpoint)
