"""The gateway: read the list of stages and you know it."""

from __future__ import annotations

from collections.abc import Sequence

from shared_code.domain.errors import NotFound
from shared_code.gateway.http import Endpoint, Record, Request, Response, Stage
from shared_code.gateway.idempotency.claims import Claims
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.inprocess import InProcessService
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.pipeline import pipeline
from shared_code.gateway.stages.accept import accept
from shared_code.gateway.stages.authenticate import Authenticate
from shared_code.gateway.stages.authorize import authorize
from shared_code.gateway.stages.correlate import correlate
from shared_code.gateway.stages.deadline import deadline
from shared_code.gateway.stages.idempotency import Idempotency
from shared_code.gateway.stages.limit import LimitAddress, LimitCaller, Refusals
from shared_code.gateway.stages.log import Log
from shared_code.gateway.stages.problems import problems


class Gateway:
    """Every request of every client passes through `handle`."""

    def __init__(
        self,
        *,
        tokens: TokenVerifier,
        services: Sequence[InProcessService],
        record: Record,
        limiter: RateLimiter,
        address_limiter: RateLimiter,
        claims: Claims,
    ) -> None:
        refusals = Refusals(record)
        self.stages: tuple[Stage, ...] = (
            problems,
            correlate,
            Log(record),
            deadline,
            LimitAddress(address_limiter, refusals),
            Authenticate(tokens, record),
            LimitCaller(limiter, refusals),
            authorize,
            accept,
            Idempotency(claims),
        )
        self._services = {service.name: service for service in services}

    async def handle(self, request: Request, endpoint: Endpoint) -> Response:
        """Take a request through the stages to its endpoint. Never raises, but for cancellation."""
        return await pipeline(self.stages, endpoint)(request)

    async def to_service(self, request: Request) -> Response:
        """The endpoint of `v1/{service}/{*path}`: find the service and its route, and call it."""
        service = self._services.get(request.params.get("service", ""))
        if service is None:
            raise NotFound("There is no such service.", code="service-unknown")
        request.route, endpoint, request.params = service.match(request.method, request.params.get("path", ""))
        return await pipeline((authorize, accept), endpoint)(request)
