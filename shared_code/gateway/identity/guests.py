"""Guests: learners without an account, with a token that we sign ourselves."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from jwt.algorithms import ECAlgorithm

from shared_code.domain.clock import Clock

ISSUER = "https://sayzhong.example/guests"
TENANT = "guests"
LIFETIME = timedelta(days=30)


class GuestTokens:
    """Signs guests' tokens (ES256) and knows the key that verifies them.

    `private_key` is a P-256 key in PKCS #8, DER. Raises ValueError for anything else.
    """

    def __init__(self, private_key: bytes, audience: str, clock: Clock) -> None:
        key = load_der_private_key(private_key, None)
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise ValueError("not a P-256 key")
        self._private = key
        public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        self._key_id = hashlib.sha256(f"{public['x']}.{public['y']}".encode()).hexdigest()[:16]
        self._public = jwt.PyJWK({**public, "kid": self._key_id, "use": "sig"}, "ES256")
        self._audience = audience
        self._clock = clock

    def issue(self, guest_id: str) -> str:
        """A token for a guest, good for `LIFETIME`."""
        now = int(self._clock().timestamp())
        claims = {
            "iss": ISSUER, "aud": self._audience, "sub": guest_id, "tid": TENANT, "roles": ["learner"],
            "iat": now, "nbf": now, "exp": now + int(LIFETIME.total_seconds()),
        }  # fmt: skip
        return jwt.encode(claims, self._private, "ES256", {"kid": self._key_id})

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this id, or None."""
        return self._public if key_id == self._key_id else None
