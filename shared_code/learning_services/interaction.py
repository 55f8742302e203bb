"""`/api/v1/interaction`: a learner's sessions."""

from __future__ import annotations

from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.query import decode_query
from shared_code.learning_services.reading import Backwards
from shared_code.services.past_sessions import PastSessions, SessionPage


def interaction_service(sessions: PastSessions) -> InProcessService:
    """The service and its routes."""

    async def mine(request: Request) -> Response:
        query = decode_query(request, Backwards)
        return Response(200, await sessions.page(request.caller, before=query.before or None, limit=query.limit))

    return InProcessService(
        "interaction",
        [
            ServiceRoute(
                "GET", "me/sessions", mine, summary="The sessions I have opened", answer=SessionPage, query=Backwards
            )
        ],
    )
