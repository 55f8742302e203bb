"""Puts a gateway together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared_code.domain.clock import Clock
from shared_code.gateway.config import GatewayConfig
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Record
from shared_code.gateway.idempotency.claims import Claims
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.inprocess import InProcessService
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.resilience.shared_state import SharedState


def identity_keys(config: GatewayConfig) -> dict[str, IssuerKeys]:
    """The key caches of the configured issuers, by issuer. Their `healthy` is a readiness check."""
    return {issuer: IssuerKeys(issuer, DiscoveredKeys(issuer)) for issuer in config.issuers}


def build_gateway(
    config: GatewayConfig,
    *,
    keys: Mapping[str, IssuerKeys],
    services: Sequence[InProcessService],
    state: SharedState,
    record: Record,
    clock: Clock,
) -> Gateway:
    """A gateway of this configuration. `state` is shared by all instances, `record` writes to the data lake."""
    return Gateway(
        tokens=TokenVerifier(
            keys,
            audience=config.audience,
            tenants=config.tenants,
            pseudonym_key=config.secret,
            skew=config.clock_skew,
        ),
        services=services,
        record=record,
        limiter=RateLimiter(config.rate_limits, config.redis_url),
        address_limiter=RateLimiter(config.rate_limits),
        claims=Claims(state, config.secret, clock),
    )
