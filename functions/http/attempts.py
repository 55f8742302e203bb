"""Spoken attempts."""

from __future__ import annotations

import azure.functions as func

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.sessions import SUBMIT_ATTEMPT
from shared_code.services.interaction import SpokenAttempt

bp = func.Blueprint()


@bp.route(route=SUBMIT_ATTEMPT.path, methods=[SUBMIT_ATTEMPT.method])
async def http_submit_attempt(req: func.HttpRequest) -> func.HttpResponse:
    """Assess one spoken attempt and push its feedback to the learner's screen."""

    async def endpoint(request: Request) -> Response:
        attempt = SpokenAttempt(
            session_id=request.identifier("session_id"),
            text=request.query.get("text", ""),
            wav=request.body,
            caller=request.caller,
            correlation_id=request.correlation_id,
            key=request.headers.get("idempotency-key", ""),
        )
        return Response(200, await app().services.interaction.assess(attempt))

    return await serve(req, SUBMIT_ATTEMPT, endpoint)
