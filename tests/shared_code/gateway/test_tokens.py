"""Who a token says somebody is."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from shared_code.domain.errors import Unauthenticated
from shared_code.domain.pseudonyms import pseudonym
from shared_code.gateway.identity.tokens import TokenVerifier
from tests.shared_code.gateway.conftest import SECRET
from tests.shared_code.gateway.openid import AUDIENCE, RSA_KEY, OpenIdProvider, rsa_jwk

TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"


class KnownKeys:
    """Keys that need no fetching: an issuer other than the provider."""

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        return jwt.PyJWK(rsa_jwk(RSA_KEY, "rsa-1"), "RS256") if key_id == "rsa-1" else None


def entra_token(**claims: Any) -> str:
    now = int(time.time())
    good = {"iss": ENTRA, "aud": AUDIENCE, "sub": "pairwise", "tid": TENANT, "exp": now + 60}
    return jwt.encode({**good, **claims}, RSA_KEY, "RS256", {"kid": "rsa-1"})


@pytest.fixture
def entra() -> TokenVerifier:
    return TokenVerifier({ENTRA: KnownKeys()}, audience=(AUDIENCE,), tenants=frozenset(), pseudonym_key=SECRET, skew=0)


async def test_a_person_is_the_subject_in_the_tenant(tokens: TokenVerifier, provider: OpenIdProvider) -> None:
    principal = await tokens.verify(provider.token(roles=["learner", "teacher"]))
    assert (principal.id, principal.tenant) == ("mei", "school-1")
    assert principal.roles == {"learner", "teacher"}
    assert principal.pseudonym == pseudonym(SECRET, "school-1", "mei")


async def test_entra_names_a_person_by_object_id(entra: TokenVerifier) -> None:
    """Entra's `sub` differs from app to app; `oid` does not."""
    assert (await entra.verify(entra_token(oid="object-1"))).id == "object-1"


async def test_an_issuer_that_names_its_tenant_speaks_for_no_other(entra: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await entra.verify(entra_token(tid="00000000-0000-0000-0000-000000000001"))


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scp": "events.write content.read"}, {"events.write", "content.read"}),
        ({"scope": "events.write"}, {"events.write"}),
        ({"scp": ["events.write"]}, {"events.write"}),
        ({"scp": 7}, set()),
        ({}, set()),
    ],
)
async def test_scopes_are_read_however_providers_write_them(
    entra: TokenVerifier, claims: dict[str, Any], scopes: set[str]
) -> None:
    assert (await entra.verify(entra_token(**claims))).scopes == scopes


async def test_an_applications_permissions_are_its_scopes_though_entra_calls_them_roles(entra: TokenVerifier) -> None:
    """Application permissions come in `roles` (learn.microsoft.com/entra/identity-platform/access-token-claims)."""
    principal = await entra.verify(entra_token(roles=["events.write.assessment.completed", "webhooks.manage"]))
    assert principal.roles == frozenset()
    assert principal.scopes == {"events.write.assessment.completed", "webhooks.manage"}


async def test_without_a_tenant_claim_the_issuer_is_the_tenant(provider: OpenIdProvider) -> None:
    verifier = TokenVerifier(
        {provider.issuer: KnownKeys()}, audience=(AUDIENCE,), tenants=frozenset(), pseudonym_key=SECRET, skew=0
    )
    principal = await verifier.verify(provider.token(tid=None))
    assert principal.tenant == provider.issuer.removeprefix("http://")
