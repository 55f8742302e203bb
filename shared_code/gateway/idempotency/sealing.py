"""Answers at rest: they hold learners' words and short-lived tokens, so only whoever has the key can read them."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12  # bytes (NIST SP 800-38D, section 8.2)


class Seal:
    """AES-256-GCM under a key made of the app's secret and the client's idempotency key, of which only a hash is kept.

    The table alone therefore opens nothing, even to somebody who holds the app's secret.
    """

    def __init__(self, secret: bytes, idempotency_key: str) -> None:
        material = hashlib.blake2b(idempotency_key.encode(), key=secret[:64], digest_size=64, person=b"idempotency")
        self.name = material.digest()[:32].hex()
        self._cipher = AESGCM(material.digest()[32:])

    def close(self, plain: bytes) -> bytes:
        """Encrypt; the nonce comes first."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt. Raises cryptography's InvalidTag for what was not sealed under this key."""
        return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], None)
