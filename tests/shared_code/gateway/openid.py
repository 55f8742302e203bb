"""A real OpenID provider on a free port, whose keys and behaviour a test can change, and the tokens it signs."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "api://sayzhong"

# Made once: an RSA key takes a good part of a second.
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def rsa_jwk(key: rsa.RSAPrivateKey, key_id: str) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig", "alg": "RS256"}


def ec_jwk(key: ec.EllipticCurvePrivateKey, key_id: str) -> dict[str, Any]:
    return {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig"}


class OpenIdProvider:
    """`fetches` counts how often the keys were asked for; `up` and `delay` (seconds) say how it behaves."""

    def __init__(self) -> None:
        self.keys = [rsa_jwk(RSA_KEY, "rsa-1"), ec_jwk(EC_KEY, "ec-1")]
        self.fetches = 0
        self.up = True
        self.delay = 0.0
        self.issuer = ""
        self.announced: str | None = None  # another issuer's name, to lie with
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/jwks", self._jwks)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _metadata(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.announced or self.issuer, "jwks_uri": f"{self.issuer}/jwks"})

    async def _jwks(self, _: web.Request) -> web.Response:
        self.fetches += 1
        await asyncio.sleep(self.delay)
        if not self.up:
            raise web.HTTPServiceUnavailable
        return web.json_response({"keys": self.keys})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good token; a change to None leaves that claim out."""
        now = int(time.time())
        good = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "mei", "tid": "school-1", "roles": ["learner"],
            "iat": now, "nbf": now, "exp": now + 300,
        }  # fmt: skip
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, *, key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "rsa-1", **changes: Any) -> str:
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(self.claims(**changes), key, algorithm, headers)
