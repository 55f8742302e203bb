"""Failures become problem details."""

from __future__ import annotations

import logging

from shared_code.domain.errors import AppError
from shared_code.gateway.http import Endpoint, Request, Response
from shared_code.gateway.problem import problem

log = logging.getLogger(__name__)


async def problems(request: Request, proceed: Endpoint) -> Response:
    """Turn failures into RFC 9457 problems. Always outermost, so that nothing else ever leaves."""
    try:
        return await proceed(request)
    except AppError as error:
        return problem(request, error)
    except Exception:  # the outermost boundary: whatever it was, the caller gets no text of it
        log.exception(
            "gateway.unexpected", extra={"route": request.route.name, "correlation_id": request.correlation_id}
        )
        return problem(request, AppError("Something went wrong."))
