"""What operators change is on record, before it is changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from shared_code.domain.errors import AppError
from shared_code.domain.principal import Principal
from shared_code.gateway.access import OPERATOR
from shared_code.gateway.http import Endpoint, Request, Response

log = logging.getLogger(__name__)

LONGEST_TENANT = 64  # characters


class Trail[R](Protocol):
    """Where actions of operators are kept; R is what it knows a record by."""

    async def begin(self, actor: Principal, action: str, target: Mapping[str, str], correlation_id: str) -> R:
        """Put on record that the actor is about to do this. Raises Unavailable.

        `target` has what the path names, and `tenant` where it is asked for as another than the actor's.
        """
        ...

    async def end(self, record: R, status: int) -> None:
        """Add how it ended. Raises Unavailable."""
        ...


class Audit:
    """Records whatever an operator does as an operator that is not a mere look, and how it ended.

    Fails closed: what cannot be put on record is not done. A record without an end is one that a crash left.
    """

    def __init__(self, trail: Trail[Any]) -> None:
        self._trail = trail

    async def __call__(self, request: Request, proceed: Endpoint) -> Response:
        """Record, do it, and record how it ended."""
        if request.method == "GET" or not _is_an_operators(request):
            return await proceed(request)
        tenant = request.query.get("tenant", "")[:LONGEST_TENANT]
        target = {**request.params, "tenant": tenant} if tenant else request.params
        record = await self._trail.begin(request.caller, request.route.name, target, request.correlation_id)
        status = 500
        try:
            response = await proceed(request)
            status = response.status
        except AppError as failure:
            status = failure.status
            raise
        finally:
            await self._end(request, record, status)
        return response

    async def _end(self, request: Request, record: Any, status: int) -> None:
        try:
            await self._trail.end(record, status)
        except AppError as failure:  # it is done and on record: only its end is missing there
            log.warning("audit.end_missing", extra={"code": failure.code, "route": request.route.name})


def _is_an_operators(request: Request) -> bool:
    """Whether the route is open to operators, and one calls. Services share some routes with them."""
    roles = OPERATOR.roles & request.route.access.roles
    return bool(roles) and request.caller.has_role(*roles)
