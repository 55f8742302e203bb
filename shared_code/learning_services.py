"""The learning services that run in this process, as the gateway's catch-all reaches them."""

from __future__ import annotations

from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.services.effectiveness import EffectivenessService
from shared_code.services.planning import PlanningService
from shared_code.services.progress import ProgressService


def learning_services(
    progress: ProgressService, effectiveness: EffectivenessService, planning: PlanningService
) -> tuple[InProcessService, ...]:
    """One service a name; `me` is the learner who asks."""

    async def my_progress(request: Request) -> Response:
        return Response(200, await progress.view(request.caller.pseudonym))

    async def my_effectiveness(request: Request) -> Response:
        return Response(200, await effectiveness.view(request.caller.pseudonym))

    async def my_plan(request: Request) -> Response:
        return Response(200, await planning.view(request.caller.pseudonym))

    return (
        InProcessService("progress", [ServiceRoute("GET", "me", my_progress, summary="What I have practised")]),
        InProcessService(
            "effectiveness", [ServiceRoute("GET", "me", my_effectiveness, summary="How my practice works")]
        ),
        InProcessService("planning", [ServiceRoute("GET", "me", my_plan, summary="What I practise next")]),
    )
