"""`/api/v1/effectiveness`: how well a learner's practice works."""

from __future__ import annotations

from shared_code.domain.learning.analysis import Analysis
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.services.effectiveness import EffectivenessService


def effectiveness_service(effectiveness: EffectivenessService) -> InProcessService:
    """The service and its routes."""

    async def mine(request: Request) -> Response:
        return Response(200, await effectiveness.view(request.caller.pseudonym))

    return InProcessService(
        "effectiveness", [ServiceRoute("GET", "me", mine, summary="How my practice works", answer=Analysis)]
    )
