"""A gateway with a real OpenID provider behind it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.pseudonyms import pseudonym
from shared_code.gateway.breaker_log import breaker_log
from shared_code.gateway.forwarding.forwarder import Forwarder
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.guests import Guests
from shared_code.gateway.http import Record
from shared_code.gateway.idempotency.claims import Claims
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.limiting.policies import DEFAULTS
from shared_code.gateway.protection import Protection
from shared_code.gateway.registry.admin import RegistryAdmin
from shared_code.gateway.registry.prober import Prober
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.routing import Router
from shared_code.gateway.stages.edge import Edge
from shared_code.gateway.stages.limit import Refusals
from shared_code.resilience.breaker.breakers import Breakers
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.services.operator_actions import OperatorActions
from shared_code.storage.account import StorageAccount
from shared_code.storage.shared_state import TableState
from shared_code.storage.tables import Tables
from tests.shared_code.gateway.openid import AUDIENCE, OpenIdProvider
from tests.shared_code.gateway.records import Records

SECRET = b"a secret key of thirty-two bytes"

MakeGateway = Callable[..., Gateway]


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdProvider]:
    provider = OpenIdProvider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
async def keys(provider: OpenIdProvider) -> AsyncIterator[IssuerKeys]:
    discovered = DiscoveredKeys(provider.issuer)
    keys = IssuerKeys(provider.issuer, discovered)
    yield keys
    await keys.close()
    await discovered.close()


@pytest.fixture
def tokens(provider: OpenIdProvider, keys: IssuerKeys) -> TokenVerifier:
    return TokenVerifier(
        {provider.issuer: keys},
        audience=(AUDIENCE,),
        tenants=frozenset({"school-1", "school-2"}),
        platform_tenants=frozenset({"school-1"}),
        pseudonym_key=SECRET,
        skew=5,
    )


@pytest.fixture
async def state(azurite: str) -> AsyncIterator[TableState]:
    """Shared state in a table of its own."""
    tables = Tables(StorageAccount(connection_string=azurite))
    yield TableState(tables.table(f"gateway{uuid.uuid4().hex[:16]}"))
    await tables.close()


@pytest.fixture
async def trail(azurite: str) -> AsyncIterator[OperatorActions]:
    """What operators did, in a table of its own."""
    tables = Tables(StorageAccount(connection_string=azurite))
    yield OperatorActions(tables.table(f"actions{uuid.uuid4().hex[:16]}"), partial(pseudonym, SECRET), utc_now)
    await tables.close()


async def nothing_to_adopt(*_: object) -> None:
    """For gateways without services."""


@pytest.fixture
async def make_gateway(
    tokens: TokenVerifier, records: Records, state: TableState, trail: OperatorActions
) -> AsyncIterator[MakeGateway]:
    """Makes gateways that share everything but what is given: as instances of one app do."""
    made: list[Gateway] = []

    def make(
        *, breaker_policy: BreakerPolicy | None = None, services: Any = (), record: Record = records, **parts: Any
    ) -> Gateway:
        limiter = RateLimiter(DEFAULTS)
        registry = Registry(state, [service.name for service in services])
        breakers = Breakers(state, breaker_log(record, utc_now), breaker_policy)
        forwarder = Forwarder(SECRET, ("127.0.0.1",))
        refusals = Refusals(record)
        known = parts.get("tokens", tokens)
        given: dict[str, Any] = {
            "tokens": tokens,
            "services": services,
            "record": record,
            "trail": trail,
            "limiter": limiter,
            "address_limiter": limiter,
            "claims": Claims(state, SECRET, utc_now),
            "registry": registry,
            "router": Router(registry, breakers, forwarder, record),
            "prober": Prober(registry, forwarder, record, utc_now),
            "edge": Edge("off", tokens=known, principals=frozenset(), keys=(), state=state),
            "guests": Guests(None, known, limiter, refusals, state, nothing_to_adopt, utc_now),
            "refusals": refusals,
            "state": state,
            "protection": Protection(("https://app.example",)),
            "admin": RegistryAdmin(registry, breakers, ("127.0.0.1",)),
        }
        made.append(Gateway(**{**given, **parts}))
        return made[-1]

    yield make
    for gateway in made:
        await gateway.close()


@pytest.fixture
def gateway(make_gateway: MakeGateway) -> Gateway:
    return make_gateway()
