"""Puts a gateway together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared_code.domain.clock import Clock
from shared_code.gateway.breaker_log import breaker_log
from shared_code.gateway.config import GatewayConfig
from shared_code.gateway.forwarding.forwarder import Forwarder
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.guests import Adopt, Guests
from shared_code.gateway.http import Record
from shared_code.gateway.idempotency.claims import Claims
from shared_code.gateway.identity import guests
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.guests import GuestTokens
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.identity.tokens import Keys, TokenVerifier
from shared_code.gateway.inprocess import InProcessService
from shared_code.gateway.limiting.limiter import Connect, RateLimiter
from shared_code.gateway.protection import Protection
from shared_code.gateway.registry.admin import RegistryAdmin
from shared_code.gateway.registry.prober import Prober
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.routing import Router
from shared_code.gateway.stages.audit import Trail
from shared_code.gateway.stages.edge import Edge
from shared_code.gateway.stages.limit import Refusals
from shared_code.resilience.breaker.breakers import Breakers
from shared_code.resilience.shared_state import CompareAndSet, SharedState


def identity_keys(config: GatewayConfig) -> dict[str, IssuerKeys]:
    """The key caches of the configured issuers, by issuer. Their `healthy` is a readiness check."""
    return {issuer: IssuerKeys(issuer, DiscoveredKeys(issuer)) for issuer in config.issuers}


def build_gateway(
    config: GatewayConfig,
    *,
    keys: Mapping[str, IssuerKeys],
    services: Sequence[InProcessService],
    state: SharedState,
    breaker_state: CompareAndSet | None = None,
    redis: Connect | None = None,
    record: Record,
    trail: Trail[Any],
    clock: Clock,
    adopt: Adopt,
) -> Gateway:
    """A gateway of this configuration. `state` is shared by all instances, `record` writes to the data lake.

    `breaker_state` is what breakers share, where that is something faster than `state`. `redis` opens connections to
    where rate limits are counted; without it each process counts for itself.
    `trail` keeps what operators do; `adopt` gives an account what a guest of it has achieved.
    """
    guest_tokens = GuestTokens(config.guest_key, config.audience[0], clock) if config.guest_key else None
    known: dict[str, Keys] = {**keys} if guest_tokens is None else {**keys, guests.ISSUER: guest_tokens}
    tokens = TokenVerifier(
        known,
        audience=config.audience,
        tenants=config.tenants,
        pseudonym_key=config.secret,
        skew=config.clock_skew,
        platform_tenants=config.platform_tenants,
        reserved={guests.ISSUER: guests.TENANT},
    )
    registry = Registry(state, [service.name for service in services])
    breakers = Breakers(breaker_state or state, breaker_log(record, clock))
    forwarder = Forwarder(config.service_key, config.service_hosts)
    limiter = RateLimiter(config.rate_limits, redis)
    refusals = Refusals(record)
    return Gateway(
        tokens=tokens,
        services=services,
        record=record,
        trail=trail,
        limiter=limiter,
        address_limiter=RateLimiter(config.rate_limits),
        claims=Claims(state, config.secret, clock),
        registry=registry,
        router=Router(registry, breakers, forwarder, record),
        prober=Prober(registry, forwarder, record, clock),
        protection=Protection(config.cors_origins),
        admin=RegistryAdmin(registry, breakers, config.service_hosts),
        edge=Edge(
            config.edge_mode,
            tokens=_edge_tokens(config, keys),
            principals=config.edge_principals,
            keys=config.edge_keys,
            state=state,
        ),
        guests=Guests(guest_tokens, tokens, limiter, refusals, state, adopt, clock),
        refusals=refusals,
        state=state,
    )


def _edge_tokens(config: GatewayConfig, keys: Mapping[str, IssuerKeys]) -> TokenVerifier:
    """The edge's own token, whose tenant need not be one of the learners'."""
    return TokenVerifier(
        keys,
        audience=config.audience,
        tenants=frozenset(),
        pseudonym_key=config.secret,
        skew=config.clock_skew,
    )
