"""Tokens of clients and of the data plane: JWTs signed with the access key (HS256).

learn.microsoft.com/azure/azure-signalr/signalr-reference-data-plane-rest-api. The vendor's SDK leaves the port out of a
client's audience and puts the query into a call's; hand-written clients do otherwise. Both are accepted.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt

from local.keys import SIGNALR_ACCESS_KEY

LONGEST = 4096  # characters
USER_CLAIMS = (
    "asrs.s.uid",
    "nameid",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
    "sub",
)


class Refused(Exception):
    """The token does not hold; the text says why."""


def client_token(endpoint: str, hub: str, user: str, minutes: float) -> str:
    """A token with which a client may connect to the hub as this user (nobody, where empty)."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "aud": f"{endpoint}/client/?hub={hub}",
        "iat": now,
        "exp": now + int(minutes * 60),
        "jti": uuid.uuid4().hex,
    }
    if user:
        claims["asrs.s.uid"] = user
    return jwt.encode(claims, SIGNALR_ACCESS_KEY, algorithm="HS256")


def check_client(token: str, endpoint: str, hub: str) -> tuple[str | None, dict[str, Any]]:
    """The user (or None) and the claims of a client's token. Raises Refused."""
    claims = _verified(token, {f"{base}/client/?hub={hub}" for base in _spellings(endpoint)})
    user = next((str(claims[name]) for name in USER_CLAIMS if claims.get(name)), None)
    return user, claims


def check_call(token: str, endpoint: str, path: str, query: str) -> None:
    """Check the token of a data-plane call. Raises Refused."""
    audiences = set()
    for base in _spellings(endpoint):
        audiences |= {f"{base}{path}", f"{base}{path}?{query}"}
    _verified(token, audiences)


def _spellings(endpoint: str) -> Iterator[str]:
    parts = urlsplit(endpoint)
    for host in dict.fromkeys((parts.hostname, "localhost", "127.0.0.1")):
        yield f"{parts.scheme}://{host}"
        yield f"{parts.scheme}://{host}:{parts.port}"


def _verified(token: str, audiences: set[str]) -> dict[str, Any]:
    if len(token) > LONGEST:
        raise Refused("The token is longer than 4,096 characters.")
    try:
        claims = jwt.decode(
            token,
            SIGNALR_ACCESS_KEY,
            algorithms=["HS256"],
            options={"require": ["exp", "aud"], "verify_aud": False},
            leeway=5,
        )
    except jwt.PyJWTError as error:
        raise Refused(f"The token does not hold: {error}.") from error
    given = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not any(str(audience).rstrip("/") in {each.rstrip("/") for each in audiences} for audience in given):
        raise Refused("The token is for another audience.")
    return claims
