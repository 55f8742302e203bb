"""Facts about a request, signed: from the edge to us, and from us to the services behind us.

`X-Context` is base64url of JSON, `X-Context-Signature` is `v1=` and the hex HMAC-SHA256 of that text. The facts hold
the time (`ts`, seconds since 1970), a `nonce`, `method` and `path`, so that a signature serves for one request only.
The edge adds `body`, the hex SHA-256 of a JSON body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared_code.domain.errors import Forbidden

HEADER, SIGNATURE = "X-Context", "X-Context-Signature"
WINDOW = 60.0  # seconds
MAX_LENGTH = 4096  # characters


def sign(key: bytes, facts: Mapping[str, Any], now: float) -> dict[str, str]:
    """The two headers for these facts, with the time and a nonce."""
    content = msgspec.json.encode({**facts, "ts": int(now), "nonce": secrets.token_urlsafe(16)})
    text = base64.urlsafe_b64encode(content).decode()
    return {HEADER: text, SIGNATURE: f"v1={_signature(key, text)}"}


def verify(keys: Sequence[bytes], headers: Mapping[str, str], *, method: str, path: str, now: float) -> dict[str, Any]:
    """The facts, if one of the keys signed them for this request within the last minute. Raises Forbidden.

    Several keys, so that one can be exchanged. `headers` have lower-case names. The nonce is the caller's to burn.
    """
    text, signature = headers.get(HEADER.lower(), ""), headers.get(SIGNATURE.lower(), "")
    if len(text) > MAX_LENGTH or not any(
        hmac.compare_digest(signature.encode(), f"v1={_signature(key, text)}".encode()) for key in keys
    ):
        raise refused()
    try:
        facts = msgspec.json.decode(base64.urlsafe_b64decode(text), type=dict[str, Any])
        age = abs(now - float(facts["ts"]))
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError):
        raise refused() from None
    if age > WINDOW or facts.get("method") != method or facts.get("path") != path or not facts.get("nonce"):
        raise refused()
    return facts


def _signature(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def refused() -> Forbidden:
    """The one refusal: why is nobody's business."""
    return Forbidden("This did not come through the edge.", code="edge-unknown")
