"""One learner's data key, and what is sealed under it."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared_code.domain.errors import AppError

FORMAT = b"\x01"
ID_BYTES = 8
NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2; drawn at random, so a key is good for 2^32 messages
_PREFIX = len(FORMAT) + ID_BYTES
OVERHEAD = _PREFIX + NONCE_BYTES + 16  # bytes that sealing adds; the last 16 are the tag


class SealBroken(AppError):
    """These bytes were not sealed under this key for this place: somebody moved or changed them."""

    code = "seal-broken"


def key_id_of(sealed: bytes) -> str:
    """Under which key this was sealed. Raises SealBroken for what was never sealed."""
    if len(sealed) < OVERHEAD or not sealed.startswith(FORMAT):
        raise SealBroken("not sealed, or in a format of the future")
    return sealed[len(FORMAT) : _PREFIX].hex()


class DataKey:
    """AES-256-GCM. Sealed bytes are format, key id, nonce, ciphertext and tag.

    `place` says where they belong (a table and its keys, a blob's name): bytes that are put elsewhere do not open.
    """

    def __init__(self, key_id: str, secret: bytes) -> None:
        self.id = key_id
        self._head = FORMAT + bytes.fromhex(key_id)
        self._cipher = AESGCM(secret)

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt for one place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, plain, self._head + place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypt. Raises SealBroken for bytes of another key or place."""
        nonce, text = sealed[_PREFIX : _PREFIX + NONCE_BYTES], sealed[_PREFIX + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, self._head + place.encode())
        except InvalidTag:
            raise SealBroken(f"not what was sealed for {place}") from None
