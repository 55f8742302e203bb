"""Not too much at once: by address before anything is verified, by learner, tenant and partner after it."""

from __future__ import annotations

import ipaddress

from shared_code.domain.clock import rfc3339
from shared_code.domain.errors import Unauthenticated
from shared_code.domain.principal import Principal
from shared_code.gateway.http import Endpoint, Record, Request, Response
from shared_code.gateway.identity.bearer import bearer
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.limiting.fields import TooMany, fields
from shared_code.gateway.limiting.limiter import RateLimiter, Standing
from shared_code.gateway.limiting.policies import ADDRESS, ADDRESS_FAILURES, PARTNER, TENANT, of_class
from shared_code.gateway.metrics import rate_limit_refusals


class Refusals:
    """Says no, and records that it did."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def refuse(self, request: Request, standing: Standing) -> TooMany:
        """The error to raise for a request that a policy does not allow."""
        policy, caller = standing.policy, request.principal
        rate_limit_refusals.add(1, {"policy": policy.name})
        record: dict[str, object] = {
            "time": rfc3339(request.received_at),
            "correlation_id": request.correlation_id,
            "route": request.route.template,
            "policy": policy.name,
            "amount": policy.amount,
            "seconds": policy.seconds,
            "caller": caller.pseudonym if caller else None,
            "tenant": caller.tenant if caller else None,
        }
        self._record("integration", "api_gateway/rate_limiting_data", record)
        return TooMany(standing)


class LimitAddress:
    """Limits what comes from one address, and stops verifying tokens from one that sends too many bad ones.

    Counted in this process: it is this process that a flood would keep busy, and a flood must not reach Redis. Whoever
    shares the address of one that floods us goes on, as long as their token held a moment ago.
    """

    def __init__(self, limiter: RateLimiter, refusals: Refusals, tokens: TokenVerifier) -> None:
        self._limiter = limiter
        self._refusals = refusals
        self._tokens = tokens

    async def __call__(self, request: Request, proceed: Endpoint) -> Response:
        """Let the request through, or raise RateLimited. Health is always told: those who ask must not be blinded."""
        if request.route.path.startswith("health/"):
            return await proceed(request)
        address = network(request.client_address)
        refused = await self._limiter.exceeded((ADDRESS, address))
        if refused is None and not request.route.access.public and self._tokens.holds(bearer(request)) is None:
            refused = await self._limiter.full(ADDRESS_FAILURES, address)
        if refused is not None:
            raise self._refusals.refuse(request, refused)
        try:
            return await proceed(request)
        except Unauthenticated:
            await self._limiter.exceeded((ADDRESS_FAILURES, address))
            raise


class LimitCaller:
    """Limits a person by the route's class, everybody of a tenant together, and partner systems on their own."""

    def __init__(self, limiter: RateLimiter, refusals: Refusals) -> None:
        self._limiter = limiter
        self._refusals = refusals

    async def __call__(self, request: Request, proceed: Endpoint) -> Response:
        """Let the request through and say where the caller stands, or raise RateLimited."""
        caller = request.principal
        if caller is None:
            return await proceed(request)
        burst, sustained = PARTNER if _is_partner(caller) else of_class(request.route.limit_class)
        refused = await self._limiter.exceeded(
            (burst, caller.pseudonym), (sustained, caller.pseudonym), (TENANT, caller.tenant)
        )
        if refused is not None:
            raise self._refusals.refuse(request, refused)
        response = await proceed(request)
        standing = await self._limiter.standing(sustained, caller.pseudonym)
        if standing is not None:
            response.headers.update(fields(standing))
        return response


def network(address: str) -> str:
    """Whom an address stands for: an IPv6 one for its /64, which one customer has to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"  # no proxy of ours tells: all of them share one count
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _is_partner(caller: Principal) -> bool:
    return not caller.roles or caller.roles == {"service"}
