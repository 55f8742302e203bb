"""The token endpoint (RFC 6749, sections 4.4, 4.5 and 5) and what its tokens say."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import jwt
import pytest

from local.identity.__main__ import DEVELOPMENT_GRANT
from local.identity.tokens import issue

DEVELOPMENT = {"grant_type": DEVELOPMENT_GRANT, "username": "mei"}
PARTNER = {"grant_type": "client_credentials", "client_id": "school-lms", "client_secret": "school-lms-secret"}


async def ask(
    http: aiohttp.ClientSession, form: dict[str, Any] | list[tuple[str, str]], **more: Any
) -> tuple[int, dict[str, Any]]:
    async with http.post("/token", data=form, **more) as response:
        return response.status, await response.json()


async def verified(http: aiohttp.ClientSession, token: str) -> dict[str, Any]:
    """The token's claims, checked with the key that the provider publishes for it."""
    async with http.get("/.well-known/openid-configuration") as response:
        metadata = await response.json()
    async with http.get(metadata["jwks_uri"]) as response:
        keys = {key["kid"]: jwt.PyJWK(key) for key in (await response.json())["keys"]}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience="api://sayzhong", issuer=metadata["issuer"]
    )
    return claims


async def test_a_development_token_says_who_in_which_roles_and_tenant(provider: aiohttp.ClientSession) -> None:
    """A grant type of our own (RFC 6749, 4.5): a name is enough; `role` may be repeated."""
    form = [
        *DEVELOPMENT.items(),
        ("role", "learner"),
        ("role", "teacher"),
        ("tenant", "school-1"),
        ("expires_in", "60"),
    ]
    status, answer = await ask(provider, form)
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 60)
    claims = await verified(provider, answer["access_token"])
    assert (claims["sub"], claims["tid"], claims["roles"]) == ("mei", "school-1", ["learner", "teacher"])
    assert claims["exp"] - claims["iat"] == 60
    assert {"nbf", "jti"} <= claims.keys()


async def test_a_development_token_is_a_learners_for_an_hour_unless_asked_otherwise(
    provider: aiohttp.ClientSession,
) -> None:
    """The defaults are those of the command line."""
    _, answer = await ask(provider, DEVELOPMENT)
    claims = await verified(provider, answer["access_token"])
    assert (claims["tid"], claims["roles"], claims["exp"] - claims["iat"]) == ("sayzhong", ["learner"], 3600)


async def test_a_partner_gets_a_service_token_with_its_scopes(provider: aiohttp.ClientSession) -> None:
    """Client credentials in the form (RFC 6749, 2.3.1)."""
    _, answer = await ask(provider, PARTNER)
    claims = await verified(provider, answer["access_token"])
    assert (claims["sub"], claims["roles"], claims["scp"]) == ("school-lms", ["service"], "events.write")


async def test_a_partner_may_put_its_secret_into_the_header(provider: aiohttp.ClientSession) -> None:
    """HTTP Basic (RFC 6749, 2.3.1), which every authorization server takes."""
    headers = {"Authorization": aiohttp.encode_basic_auth("school-lms", "school-lms-secret")}
    status, _ = await ask(provider, {"grant_type": "client_credentials"}, headers=headers)
    assert status == 200


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({**DEVELOPMENT, "username": ""}, "invalid_request"),
        ({**DEVELOPMENT, "username": "a" * 65}, "invalid_request"),
        ({**DEVELOPMENT, "username": "mei wang"}, "invalid_request"),
        ({**DEVELOPMENT, "tenant": "a/b"}, "invalid_request"),
        ({**DEVELOPMENT, "role": "emperor"}, "invalid_request"),
        ({**DEVELOPMENT, "expires_in": "soon"}, "invalid_request"),
        ({**PARTNER, "scope": "everything"}, "invalid_scope"),
    ],
)
async def test_a_request_that_does_not_fit_is_a_400_with_its_code(
    provider: aiohttp.ClientSession, form: dict[str, str], code: str
) -> None:
    """RFC 6749, 5.2."""
    status, answer = await ask(provider, form)
    assert (status, answer["error"]) == (400, code)
    assert answer["error_description"]


@pytest.mark.parametrize(
    "form", [{**PARTNER, "client_secret": "guessed"}, {**PARTNER, "client_id": "nobody"}, {**PARTNER, "client_id": ""}]
)
async def test_an_unknown_client_or_a_wrong_secret_is_a_401(
    provider: aiohttp.ClientSession, form: dict[str, str]
) -> None:
    """`invalid_client` (RFC 6749, 5.2)."""
    status, answer = await ask(provider, form)
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic ???", "Basic bm9ib2R5Onh4"])
async def test_a_bad_authorization_header_is_a_401(provider: aiohttp.ClientSession, header: str) -> None:
    """`invalid_client`, with the scheme that would do (RFC 6749, 5.2)."""
    form = {"grant_type": "client_credentials"}
    async with provider.post("/token", data=form, headers={"Authorization": header}) as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Basic")


async def test_a_token_made_without_the_provider_holds_with_it(provider: aiohttp.ClientSession) -> None:
    """The command line and the tests share the state folder with the provider."""
    claims = await verified(provider, issue("mei", ["operator"], "sayzhong", 60))
    assert claims["roles"] == ["operator"]


async def test_a_token_can_be_made_that_has_expired(provider: aiohttp.ClientSession) -> None:
    """For tests of what an API does with one; it was valid once."""
    token = issue("mei", expires=-10)
    with pytest.raises(jwt.ExpiredSignatureError):
        await verified(provider, token)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iat"] <= claims["exp"] < time.time()
