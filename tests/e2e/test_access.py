"""Who gets in, tried from outside on every operation that the running API describes: a new one is covered at once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import HMACAlgorithm, RSAAlgorithm

from local.identity.tokens import published
from tests.e2e.described import NOBODYS, described
from tests.e2e.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROLES = ("learner", "teacher", "operator", "service", "platform", "stranger")
STRANGE = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Forge:
    """Signs tokens with the provider's own key, or not quite."""

    def __init__(self, stack: Stack) -> None:
        self.key = stack.signing_key()
        self.good = jwt.decode(stack.token("forge", "learner"), options={"verify_signature": False})
        self.headers = {"kid": published(self.key)["kid"]}

    def token(self, headers: dict[str, Any] | None = None, key: Any = None, **changes: Any) -> str:
        """A token with these changes; None leaves a claim out."""
        claims = {name: value for name, value in {**self.good, **changes}.items() if value is not None}
        return jwt.encode(claims, key or self.key, "RS256", {**self.headers, **(headers or {})})

    def handmade(self, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
        """What no library would sign."""
        signed = f"{_part({'alg': algorithm, **self.headers})}.{_part(self.good)}"
        return f"{signed}.{base64.urlsafe_b64encode(sign(signed.encode())).decode().rstrip('=')}"

    def confused(self) -> str:
        """HS256, with the public key as the secret."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return self.handmade("HS256", lambda text: HMACAlgorithm(HMACAlgorithm.SHA256).sign(text, public))

    def bad(self) -> dict[str, str]:
        """Every kind of token that must not open anything."""
        now = int(time.time())
        jwk = {**json.loads(RSAAlgorithm.to_jwk(STRANGE.public_key())), "kid": "x"}
        return {
            "none": "",
            "garbage": "garbage",
            "expired": self.token(iat=now - 900, nbf=now - 900, exp=now - 600),
            "without expiry": self.token(exp=None),
            "not yet valid": self.token(nbf=now + 86_400),
            "wrong issuer": self.token(iss="https://login.example"),
            "wrong audience": self.token(aud="api://another"),
            "wrong signature": self.token(key=STRANGE),
            "algorithm none": self.handmade("none", lambda _: b""),
            "HS256 with the public key": self.confused(),
            "unknown key id": self.token({"kid": "unknown"}, STRANGE),
            "key id as a path": self.token({"kid": "../../dev/null"}, STRANGE),
            "injected jwk": self.token({"kid": "x", "jwk": jwk}, STRANGE),
            "injected jku": self.token({"jku": "https://evil.example/jwks"}, STRANGE),
            "injected x5u": self.token({"x5u": "https://evil.example/chain"}, STRANGE),
            "a tenant that only we speak for": self.token(tid="guests"),
        }


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_no_bad_token_opens_any_operation(wide_open_stack: Stack) -> None:
    bad = Forge(wide_open_stack).bad()
    base = wide_open_stack.api
    failures = []
    async with aiohttp.ClientSession() as http:
        for operation in await described(base):
            for kind, token in bad.items():
                status, text = await operation.send(http, base, token, NOBODYS)
                if not operation.public and status != 401:
                    failures.append(f"{operation.name}: {kind}: {status} {text[:200]}")
                if operation.public and status == 401:
                    failures.append(f"{operation.name} is public, yet {status} with {kind}")
    assert not failures, "\n".join(failures)


async def test_each_role_opens_what_the_description_says_and_nothing_else(wide_open_stack: Stack) -> None:
    """With ids that are nobody's, so that what is opened has nothing to show."""
    base = wide_open_stack.api
    forge = Forge(wide_open_stack)
    failures = []
    async with aiohttp.ClientSession() as http:
        for operation in await described(base):
            for role in ROLES:
                status, text = await operation.send(http, base, forge.token(roles=[role]), NOBODYS)
                opened = operation.public or not operation.roles or role in operation.roles
                if (status == 403) is opened or status == 401 or status >= 500:
                    failures.append(f"{operation.name} as {role}: {status} {text[:200]}")
    assert not failures, "\n".join(failures)


async def test_what_all_tenants_share_is_changed_by_the_platforms_operators_alone(wide_open_stack: Stack) -> None:
    base = wide_open_stack.api
    token = wide_open_stack.token("op", "operator", "platform", tenant="a-school")
    shared = [each for each in await described(base) if "runs the platform" in each.description]
    assert {each.method for each in shared} >= {"PUT", "DELETE"}
    async with aiohttp.ClientSession() as http:
        for operation in shared:
            assert (await operation.send(http, base, token, NOBODYS))[0] == 403, operation.name
