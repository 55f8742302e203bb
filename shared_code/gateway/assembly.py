"""Puts a gateway together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared_code.domain.clock import Clock
from shared_code.gateway.breaker_log import breaker_log
from shared_code.gateway.config import GatewayConfig
from shared_code.gateway.forwarding.forwarder import Forwarder
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Record
from shared_code.gateway.idempotency.claims import Claims
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.inprocess import InProcessService
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.protection import Protection
from shared_code.gateway.registry.admin import RegistryAdmin
from shared_code.gateway.registry.prober import Prober
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.routing import Router
from shared_code.resilience.breaker.breakers import Breakers
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
    registry = Registry(state, [service.name for service in services])
    breakers = Breakers(state, breaker_log(record, clock))
    forwarder = Forwarder(config.service_key, config.service_hosts)
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
        registry=registry,
        router=Router(registry, breakers, forwarder, record),
        prober=Prober(registry, forwarder, record, clock),
        protection=Protection(config.cors_origins),
        admin=RegistryAdmin(registry, breakers, config.service_hosts),
    )
