"""`/api/v1/learning`: what to practise now, and how much is coming."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.learning.schedule import DayLoad, NextPractice
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.query import decode_query
from shared_code.learning_services.reading import Limit
from shared_code.services.learning import LearningService


class NextQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many items to practise now."""

    limit: Limit = 10


class ScheduleQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far to look ahead."""

    days: Annotated[int, Meta(ge=1, le=90, description="How many days, today included.")] = 7


class Schedule(Struct, frozen=True, kw_only=True):
    """How many items fall due, day by day (UTC)."""

    days: tuple[DayLoad, ...]


def learning_service(learning: LearningService) -> InProcessService:
    """The service and its routes."""

    async def upcoming(request: Request) -> Response:
        query = decode_query(request, NextQuery)
        return Response(200, await learning.next(request.caller.pseudonym, limit=query.limit))

    async def schedule(request: Request) -> Response:
        query = decode_query(request, ScheduleQuery)
        days = await learning.schedule(request.caller.pseudonym, days=query.days)
        return Response(200, Schedule(days=days))

    return InProcessService(
        "learning",
        [
            ServiceRoute(
                "GET", "me/next", upcoming, summary="What I practise now", answer=NextPractice, query=NextQuery
            ),
            ServiceRoute(
                "GET",
                "me/schedule",
                schedule,
                summary="How much falls due in the coming days",
                answer=Schedule,
                query=ScheduleQuery,
            ),
        ],
    )
