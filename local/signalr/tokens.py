"""Tokens of clients and of the data plane: JWTs signed with an access key (HS256).

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

SECONDARY_KEY = "bG9jYWwtZGV2ZWxvcG1lbnQtc2lnbmFsci1hY2Nlc3Mta2V5LTAwMDI="
KEYS = (SIGNALR_ACCESS_KEY, SECONDARY_KEY)  # either will do, so that one can be exchanged
AUDIENCE_HOSTS = ("localhost", "127.0.0.1")  # beside the endpoint's own
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
    claims = {
        "aud": f"{endpoint}/client/?hub={hub}",
        "iat": now,
        "exp": now + int(minutes * 60),
        "jti": uuid.uuid4().hex,
    }
    return jwt.encode(claims | ({USER_CLAIMS[0]: user} if user else {}), KEYS[0], algorithm="HS256")


def check_client(token: str, endpoint: str, hub: str) -> tuple[str | None, dict[str, Any]]:
    """The user (or None) and the claims of a client's token. Raises Refused."""
    claims = _verified(token, (f"{base}/client/?hub={hub}" for base in _spellings(endpoint)))
    return next((str(claims[name]) for name in USER_CLAIMS if claims.get(name)), None), claims


def check_call(token: str, endpoint: str, path: str, query: str) -> None:
    """Check the token of a data-plane call, with its path and query as they were sent. Raises Refused."""
    _verified(token, (f"{base}{path}{end}" for base in _spellings(endpoint) for end in ("", f"?{query}")))


def _spellings(endpoint: str) -> Iterator[str]:
    parts = urlsplit(endpoint)
    for host in (parts.hostname, *AUDIENCE_HOSTS):
        yield f"{parts.scheme}://{host}"
        yield f"{parts.scheme}://{host}:{parts.port}"


def _verified(token: str, audiences: Iterator[str]) -> dict[str, Any]:
    if len(token) > LONGEST:
        raise Refused("The token is longer than 4,096 characters.")
    options: Any = {"require": ["exp", "aud"], "verify_aud": False}
    for key in KEYS:
        try:
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=["HS256"], options=options)
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidAlgorithmError:
            raise Refused("Tokens are signed with an access key (HS256); Entra's are not supported here.") from None
        except jwt.PyJWTError as error:
            raise Refused(f"The token does not hold: {error}.") from error
        given = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if {str(audience).lower() for audience in given}.isdisjoint(audience.lower() for audience in audiences):
            raise Refused("The token is for another audience.")
        return claims
    raise Refused("The token's signature is not of an access key.")
