"""How stages become one endpoint."""

from __future__ import annotations

from collections.abc import Sequence

from shared_code.gateway.http import Endpoint, Request, Response, Stage


def pipeline(stages: Sequence[Stage], endpoint: Endpoint) -> Endpoint:
    """Put the stages around an endpoint; the first one is the outermost."""
    for stage in reversed(stages):
        endpoint = _around(stage, endpoint)
    return endpoint


def _around(stage: Stage, proceed: Endpoint) -> Endpoint:
    async def run(request: Request) -> Response:
        return await stage(request, proceed)

    return run
