"""What a client missed, and how it connects."""

from __future__ import annotations

import azure.functions as func

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import BadRequest
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.sessions import NEGOTIATE, READ_MESSAGES, READ_OWN_MESSAGES
from shared_code.realtime.channel import CatchUp, personal

bp = func.Blueprint()


async def _missed(session_id: str, request: Request) -> CatchUp:
    """What the caller missed of a session since the number that the query names."""
    text = request.query.get("after", "0")
    if not text.isdecimal() or len(text) > 9:
        raise BadRequest("'after' is the number of the last message seen, 0 or more.", code="after-invalid")
    return await app().realtime.channel.catch_up(session_id, request.caller.pseudonym, int(text))


@bp.route(route=READ_MESSAGES.path, methods=[READ_MESSAGES.method])
async def http_read_messages(req: func.HttpRequest) -> func.HttpResponse:
    """Read back the messages of a session after a number."""

    async def endpoint(request: Request) -> Response:
        session = await app().services.sessions.joined(request.identifier("session_id"), request.caller)
        return Response(200, await _missed(session.session_id, request))

    return await serve(req, READ_MESSAGES, endpoint)


@bp.route(route=READ_OWN_MESSAGES.path, methods=[READ_OWN_MESSAGES.method])
async def http_read_own_messages(req: func.HttpRequest) -> func.HttpResponse:
    """Read back the learner's messages that belong to no session."""

    async def endpoint(request: Request) -> Response:
        return Response(200, await _missed(personal(request.caller.pseudonym), request))

    return await serve(req, READ_OWN_MESSAGES, endpoint)


@bp.route(route=NEGOTIATE.path, methods=[NEGOTIATE.method])
async def http_negotiate(req: func.HttpRequest) -> func.HttpResponse:
    """Give a SignalR client what it needs to connect as this learner."""

    async def endpoint(request: Request) -> Response:
        return Response(200, await app().realtime.signalr.client_access(request.caller.pseudonym))

    return await serve(req, NEGOTIATE, endpoint)
