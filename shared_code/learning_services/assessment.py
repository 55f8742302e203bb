"""`/api/v1/assessment`: a learner's results."""

from __future__ import annotations

from shared_code.domain.pronunciation import PronunciationResult
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.query import decode_query
from shared_code.learning_services.reading import Backwards
from shared_code.services.assessment import AssessmentService, ResultPage


def assessment_service(assessment: AssessmentService) -> InProcessService:
    """The service and its routes."""

    async def results(request: Request) -> Response:
        query = decode_query(request, Backwards)
        page = await assessment.results(request.caller.pseudonym, before=query.before or None, limit=query.limit)
        return Response(200, page)

    async def result(request: Request) -> Response:
        return Response(200, await assessment.result(request.caller.pseudonym, request.identifier("assessment_id")))

    return InProcessService(
        "assessment",
        [
            ServiceRoute("GET", "me/results", results, summary="My results", answer=ResultPage, query=Backwards),
            ServiceRoute(
                "GET",
                "me/results/{assessment_id}",
                result,
                summary="One of my spoken attempts, as it was answered",
                answer=PronunciationResult,
            ),
        ],
    )
