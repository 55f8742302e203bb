"""The gateway: read the list of stages and you know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from shared_code.gateway.access import Access
from shared_code.gateway.guests import Guests
from shared_code.gateway.http import Endpoint, Record, Request, Response, Stage
from shared_code.gateway.idempotency.claims import Claims
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.inprocess import InProcessService
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.openapi.operation import Documented
from shared_code.gateway.pipeline import pipeline
from shared_code.gateway.protection import Protection
from shared_code.gateway.registry.admin import RegistryAdmin
from shared_code.gateway.registry.prober import Prober
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.routing import Passage, Router
from shared_code.gateway.stages.accept import accept
from shared_code.gateway.stages.audit import Audit, Trail
from shared_code.gateway.stages.authenticate import Authenticate
from shared_code.gateway.stages.authorize import authorize
from shared_code.gateway.stages.bounds import bounds
from shared_code.gateway.stages.correlate import correlate
from shared_code.gateway.stages.deadline import deadline
from shared_code.gateway.stages.edge import Edge
from shared_code.gateway.stages.idempotency import Idempotency
from shared_code.gateway.stages.limit import LimitAddress, LimitCaller, Refusals
from shared_code.gateway.stages.log import Log
from shared_code.gateway.stages.problems import problems
from shared_code.gateway.unknown import refusal, service_and_rest
from shared_code.resilience.shared_state import SharedState

SERVICE_DEADLINE = 10.0  # seconds, for services that have no table of routes here


class Gateway:
    """Every request of every client passes through `handle`."""

    def __init__(
        self,
        *,
        tokens: TokenVerifier,
        services: Sequence[InProcessService],
        record: Record,
        trail: Trail[Any],
        limiter: RateLimiter,
        address_limiter: RateLimiter,
        claims: Claims,
        registry: Registry,
        router: Router,
        prober: Prober,
        admin: RegistryAdmin,
        protection: Protection,
        edge: Edge,
        guests: Guests,
        refusals: Refusals,
        state: SharedState,
    ) -> None:
        self._audit = Audit(trail)
        self.stages: tuple[Stage, ...] = (
            problems,
            correlate,
            Log(record),
            bounds,
            deadline,
            LimitAddress(address_limiter, refusals, tokens),
            edge,
            Authenticate(tokens, record),
            LimitCaller(limiter, refusals),
            authorize,
            accept,
            Idempotency(claims),
            self._audit,
        )
        self._services = {service.name: service for service in services}
        self._registry = registry
        self._router = router
        self._limiter = limiter
        self._protection = protection
        self._edge = edge
        self._claims = claims
        self._state = state
        self.prober = prober
        self.admin = admin
        self.guests = guests

    async def handle(self, request: Request, endpoint: Endpoint) -> Response:
        """Take a request through the stages to its endpoint. Never raises, but for cancellation."""
        return self._protection.protect(request, await pipeline(self.stages, endpoint)(request))

    async def unknown(self, request: Request) -> Response:
        """The endpoint of whatever no route takes: browsers' preflights, wrong methods, and nothing at all."""
        preflight = self._protection.preflight(request)
        if preflight is None:
            self._refuse(request)
        return preflight

    def _refuse(self, request: Request) -> NoReturn:
        """Say which methods a path takes, also one of a service in this process, or that there is no such path."""
        name, path = service_and_rest(request.path)
        if name in self._services:
            self._services[name].match(request.method, path)
        raise refusal(request.path)

    async def to_service(self, request: Request) -> Response:
        """The endpoint of `v1/{service}/{*path}`: find the service and its route, and have an instance answer.

        A service of this process has a table of routes, which holds also where it has moved to a URL; of others only
        the roles that may call them are known.
        """
        name, path = request.params.get("service", ""), request.params.get("path", "")
        service = (await self._registry.view()).services.get(name)
        if service is None:
            raise refusal(request.path, "service-unknown")
        local: Endpoint | None = None
        if name in self._services:
            request.route, local, request.params = self._services[name].match(request.method, path)
        else:
            request.route = replace(
                request.route,
                path=f"v1/{name}/{{*path}}",
                access=Access(roles=frozenset(service.roles)),
                deadline=SERVICE_DEADLINE,
            )

        async def routed(request: Request) -> Response:
            return await self._router.route(Passage(name, path, request, local))

        return await pipeline((deadline, authorize, accept, self._audit), routed)(request)

    async def purge(self) -> int:
        """Delete what has been kept for long enough: answers to idempotency keys and the edge's nonces."""
        return await self._state.sweep(
            lambda partition, value: self._edge.expired(partition) or self._claims.expired(partition, value)
        )

    async def forget(self, caller: str) -> None:
        """Delete the answers that are kept for a caller (a pseudonym)."""
        await self._claims.forget(caller)

    def documented(self) -> list[Documented]:
        """The routes of services in this process, for the API's description."""
        return [line for service in self._services.values() for line in service.documented()]

    async def close(self) -> None:
        """Finish what goes on in the background and close all connections."""
        await self._router.close()
        await self._registry.close()
        await self._limiter.close()
