"""How a provider's keys are cached: nobody waits who need not, and nobody can make us flood the provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared_code.domain.errors import Unavailable
from shared_code.gateway.identity import discovery
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import COOL_DOWN, FRESH, HARD_LIMIT, OUTAGE_COOL_DOWN, IssuerKeys
from tests.shared_code.gateway.openid import STRANGE_KEY, OpenIdProvider, rsa_jwk


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(provider: OpenIdProvider, clock: Clock) -> AsyncIterator[IssuerKeys]:
    discovered = DiscoveredKeys(provider.issuer)
    keys = IssuerKeys(provider.issuer, discovered, clock)
    yield keys
    await keys.close()
    await discovered.close()


async def test_callers_at_once_share_one_fetch(keys: IssuerKeys, provider: OpenIdProvider) -> None:
    provider.delay = 0.05
    found = await asyncio.gather(*(keys.find("rsa-1") for _ in range(50)))
    assert all(found)
    assert provider.fetches == 1


async def test_a_caller_who_leaves_does_not_stop_the_fetch_of_the_others(
    keys: IssuerKeys, provider: OpenIdProvider
) -> None:
    provider.delay = 0.2
    leaving, staying = asyncio.create_task(keys.find("rsa-1")), asyncio.create_task(keys.find("rsa-1"))
    while not provider.fetches:
        await asyncio.sleep(0.01)
    leaving.cancel()
    assert await staying
    assert provider.fetches == 1


async def test_stale_keys_serve_while_new_ones_are_fetched(
    keys: IssuerKeys, provider: OpenIdProvider, clock: Clock
) -> None:
    await keys.find("rsa-1")
    clock.now += FRESH + 1
    provider.keys = [rsa_jwk(STRANGE_KEY, "rsa-2")]
    provider.delay = 0.1
    assert await keys.find("rsa-1")  # answered from what was there
    while not await keys.find("rsa-2"):
        await asyncio.sleep(0.01)
    assert await keys.find("rsa-1") is None
    assert provider.fetches == 2


async def test_stale_keys_serve_through_an_outage_up_to_the_hard_limit(
    keys: IssuerKeys, provider: OpenIdProvider, clock: Clock
) -> None:
    await keys.find("rsa-1")
    provider.up = False
    clock.now += HARD_LIMIT - 1
    assert await keys.find("rsa-1")
    while provider.fetches < 2:
        await asyncio.sleep(0.01)
    clock.now += COOL_DOWN + 2
    with pytest.raises(Unavailable):
        await keys.find("rsa-1")
    assert not await keys.healthy()


async def test_a_new_key_is_found_after_the_cool_down(keys: IssuerKeys, provider: OpenIdProvider, clock: Clock) -> None:
    await keys.find("rsa-1")
    provider.keys.append(rsa_jwk(STRANGE_KEY, "rsa-2"))
    assert await keys.find("rsa-2") is None
    clock.now += COOL_DOWN + 1
    assert await keys.find("rsa-2")
    assert provider.fetches == 2


async def test_a_provider_that_comes_back_is_asked_again_soon(
    keys: IssuerKeys, provider: OpenIdProvider, clock: Clock
) -> None:
    provider.up = False
    for _ in range(20):
        with pytest.raises(Unavailable):
            await keys.find("rsa-1")
    assert provider.fetches == 1
    provider.up = True
    clock.now += OUTAGE_COOL_DOWN + 0.1
    assert await keys.healthy()
    assert await keys.find("rsa-1")


async def test_a_provider_that_hangs_is_an_outage(
    keys: IssuerKeys, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "TIMEOUT", 0.2)
    provider.delay = 30
    with pytest.raises(Unavailable):
        await keys.find("rsa-1")


async def test_metadata_of_another_issuer_is_refused(keys: IssuerKeys, provider: OpenIdProvider) -> None:
    provider.announced = "https://login.example"
    with pytest.raises(Unavailable):
        await keys.find("rsa-1")
    assert provider.fetches == 0


async def test_keys_that_are_not_for_signatures_are_passed_over(keys: IssuerKeys, provider: OpenIdProvider) -> None:
    good = provider.keys[0]
    provider.keys = [
        good,
        {**good, "kid": "for-encryption", "use": "enc"},
        {**good, "kid": "other-algorithm", "alg": "RS512"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "P-384", "kid": "p384", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "n": good["n"], "e": good["e"]},
    ]
    assert await keys.find("rsa-1")
    for key_id in ("for-encryption", "other-algorithm", "secret", "p384", "broken"):
        assert await keys.find(key_id) is None
