"""Which tokens open the gateway: every kind of bad one, on every route of the table that asks for one."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from shared_code.gateway.gateway import Gateway
from shared_code.gateway.routes import ROUTES
from shared_code.gateway.routes.route import Route
from tests.shared_code.gateway.openid import EC_KEY, RSA_KEY, STRANGE_KEY, OpenIdProvider, rsa_jwk
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.requests import body_of, request, who

PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
PROTECTED = [route for route in ROUTES if not route.access.public]
EVERY_ROLE = ["learner", "teacher", "operator", "service"]


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(provider: OpenIdProvider) -> str:
    return f"{part({'alg': 'none', 'kid': 'rsa-1'})}.{part(provider.claims())}."


def confused(provider: OpenIdProvider) -> str:
    """HS256 with the public key as the secret; by hand, because PyJWT refuses to sign so."""
    signed = f"{part({'alg': 'HS256', 'kid': 'rsa-1'})}.{part(provider.claims())}".encode()
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{signed.decode()}.{base64.urlsafe_b64encode(algorithm.sign(signed, PUBLIC_PEM)).decode().rstrip('=')}"


def tampered(provider: OpenIdProvider) -> str:
    header, _, signature = provider.token().split(".")
    return f"{header}.{part(provider.claims(sub='somebody-else'))}.{signature}"


def raw(claims: dict[str, Any]) -> str:
    """Signed as it is; PyJWT would refuse to sign some claims."""
    return jwt.api_jws.encode(json.dumps(claims).encode(), RSA_KEY, "RS256", {"kid": "rsa-1"})


def with_headers(provider: OpenIdProvider, **headers: object) -> str:
    return jwt.encode(provider.claims(), STRANGE_KEY, "RS256", headers)


NOW = int(time.time())  # when the tests are collected; they may run much later
BAD: dict[str, tuple[str, Callable[[OpenIdProvider], str | None]]] = {
    "none": ("token-missing", lambda p: None),
    "empty": ("token-missing", lambda p: ""),
    "garbage": ("token-invalid", lambda p: "garbage"),
    "three garbage parts": ("token-invalid", lambda p: "a.b.c"),
    "not JSON inside": ("token-invalid", lambda p: f"{part({'alg': 'RS256', 'kid': 'rsa-1'})}.{part('x')[:-2]}.c2ln"),
    "hanzi": ("token-invalid", lambda p: "令牌.令牌.令牌"),
    "expired": ("token-expired", lambda p: p.token(iat=NOW - 900, nbf=NOW - 900, exp=NOW - 60)),
    "not yet valid": ("token-invalid", lambda p: p.token(nbf=NOW + 86_400)),
    "issued in the future": ("token-invalid", lambda p: p.token(iat=NOW + 86_400)),
    "without expiry": ("token-invalid", lambda p: p.token(exp=None)),
    "without subject": ("token-invalid", lambda p: p.token(sub=None)),
    "empty subject": ("token-invalid", lambda p: p.token(sub="")),
    "subject that no event takes": ("token-invalid", lambda p: p.token(sub="x" * 129)),
    "wrong issuer": ("token-invalid", lambda p: p.token(iss="https://login.example")),
    "issuer is a list": ("token-invalid", lambda p: raw(p.claims(iss=["https://login.example"]))),
    "wrong audience": ("token-invalid", lambda p: p.token(aud="api://another")),
    "without audience": ("token-invalid", lambda p: p.token(aud=None)),
    "wrong signature": ("token-invalid", lambda p: p.token(key=STRANGE_KEY)),
    "tampered": ("token-invalid", tampered),
    "algorithm none": ("token-invalid", unsigned),
    "HS256 with the public key": ("token-invalid", confused),
    "RS512": ("token-invalid", lambda p: p.token(algorithm="RS512")),
    "RS256 header on an EC key": ("token-invalid", lambda p: p.token(kid="ec-1")),
    "ES256 header on an RSA key": ("token-invalid", lambda p: p.token(key=EC_KEY, algorithm="ES256", kid="rsa-1")),
    "unknown key id": ("token-invalid", lambda p: p.token(key=STRANGE_KEY, kid="rsa-9")),
    "no key id": ("token-invalid", lambda p: p.token(kid=None)),
    "injected jwk": ("token-invalid", lambda p: with_headers(p, kid="x", jwk=rsa_jwk(STRANGE_KEY, "x"))),
    "injected jku": ("token-invalid", lambda p: with_headers(p, kid="x", jku="https://evil.example/jwks")),
    "key id as a path": ("token-invalid", lambda p: with_headers(p, kid="../../dev/null")),
    "another tenant": ("token-invalid", lambda p: p.token(tid="school-3")),
    "tenant is no text": ("token-invalid", lambda p: p.token(tid=["school-1"])),
    "over-long": ("token-invalid", lambda p: p.token(roles=["learner"] * 1000)),
}


@pytest.mark.parametrize("route", PROTECTED, ids=lambda route: route.template)
async def test_no_bad_token_opens_any_route(route: Route, gateway: Gateway, provider: OpenIdProvider) -> None:
    for name, (code, make) in BAD.items():
        response = await gateway.handle(request(route, make(provider)), who)
        assert (response.status, body_of(response)["code"]) == (401, code), name
        assert response.headers["WWW-Authenticate"].startswith("Bearer"), name


@pytest.mark.parametrize("route", PROTECTED, ids=lambda route: route.template)
async def test_a_good_token_opens_every_route(route: Route, gateway: Gateway, provider: OpenIdProvider) -> None:
    for token in (
        provider.token(roles=EVERY_ROLE),
        provider.token(roles=EVERY_ROLE, key=EC_KEY, algorithm="ES256", kid="ec-1"),
    ):
        assert (await gateway.handle(request(route, token), who)).status == 200


async def test_a_public_route_asks_for_nothing(gateway: Gateway) -> None:
    for route in ROUTES:
        if route.access.public:
            assert (await gateway.handle(request(route, "garbage"), who)).status == 200


async def test_clocks_may_differ_a_little(gateway: Gateway, provider: OpenIdProvider) -> None:
    now = int(time.time())
    token = provider.token(nbf=now + 4, iat=now + 4)
    assert (await gateway.handle(request(PROTECTED[0], token), who)).status == 200


async def test_g1_unknown_key_ids_do_not_make_us_ask_the_provider(gateway: Gateway, provider: OpenIdProvider) -> None:
    for number in range(200):
        token = provider.token(key=EC_KEY, algorithm="ES256", kid=f"unknown-{number}")
        assert (await gateway.handle(request(PROTECTED[0], token), who)).status == 401
    assert provider.fetches == 1


async def test_every_verification_leaves_an_authentication_record(
    gateway: Gateway, provider: OpenIdProvider, records: Records
) -> None:
    await gateway.handle(request(PROTECTED[0], provider.token()), who)
    await gateway.handle(request(PROTECTED[0], "garbage"), who)
    accepted, refused = records.of("integration/api_gateway/authentication_logs")
    assert accepted["outcome"] == "accepted"
    assert len(accepted["caller"]) == 26
    assert (refused["outcome"], refused["caller"]) == ("token-invalid", None)
    assert "mei" not in json.dumps([accepted, refused])
