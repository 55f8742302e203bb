"""A gateway with a real OpenID provider behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared_code.gateway.gateway import Gateway
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.limiting.policies import DEFAULTS
from tests.shared_code.gateway.openid import AUDIENCE, OpenIdProvider
from tests.shared_code.gateway.records import Records

PSEUDONYM_KEY = b"a pseudonym key of thirty-two by"


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
async def tokens(provider: OpenIdProvider) -> AsyncIterator[TokenVerifier]:
    discovered = DiscoveredKeys(provider.issuer)
    keys = IssuerKeys(provider.issuer, discovered)
    yield TokenVerifier(
        {provider.issuer: keys},
        audience=(AUDIENCE,),
        tenants=frozenset({"school-1", "school-2"}),
        pseudonym_key=PSEUDONYM_KEY,
        skew=5,
    )
    await keys.close()
    await discovered.close()


@pytest.fixture
def limiter() -> RateLimiter:
    return RateLimiter(DEFAULTS)


@pytest.fixture
def gateway(tokens: TokenVerifier, records: Records, limiter: RateLimiter) -> Gateway:
    return Gateway(tokens=tokens, services=(), record=records, limiter=limiter, address_limiter=limiter)
