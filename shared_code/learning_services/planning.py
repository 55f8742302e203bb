"""`/api/v1/planning`: the learner's lesson plan."""

from __future__ import annotations

from shared_code.domain.learning.plan import LessonPlan
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.services.planning import PlanningService


def planning_service(planning: PlanningService) -> InProcessService:
    """The service and its routes."""

    async def mine(request: Request) -> Response:
        return Response(200, await planning.view(request.caller.pseudonym))

    return InProcessService(
        "planning", [ServiceRoute("GET", "me", mine, summary="What I practise next", answer=LessonPlan)]
    )
