"""Names that say nothing about a person but stay the same."""

from __future__ import annotations

import base64
import hashlib
import hmac


def pseudonym(key: bytes, tenant: str, person: str) -> str:
    """Derive a person's pseudonym: 26 characters of [a-z2-7] (HMAC-SHA256, RFC 2104, cut to 130 bits).

    Keyed, so that nobody without the key can find a person by trying names.
    """
    digest = hmac.new(key, f"{tenant}\0{person}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]
