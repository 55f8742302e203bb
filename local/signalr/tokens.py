"""Tokens of clients and of the data plane: JWTs signed with an access key (HS256).

learn.microsoft.com/azure/azure-signalr/signalr-reference-data-plane-rest-api. The vendor's SDK leaves the port out of a
client's audience and puts the query into a call's; hand-written clients do otherwise. Both are accepted.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import jwt
from aiohttp import web

from local.connections import SIGNALR_ACCESS_KEY

SECONDARY_KEY = "bG9jYWwtZGV2ZWxvcG1lbnQtc2lnbmFsci1hY2Nlc3Mta2V5LTAwMDI="
KEYS = (SIGNALR_ACCESS_KEY, SECONDARY_KEY)  # either will do, so that one can be exchanged
HOSTS = ("127.0.0.1", "localhost")  # as which the service is known
LONGEST = 4096  # characters
NAME_IDENTIFIER = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
USER_CLAIMS = ("asrs.s.uid", "nameid", NAME_IDENTIFIER, "sub")


def client_token(endpoint: str, hub: str, user: str, minutes: float) -> str:
    """A token with which a client may connect to the hub as this user (nobody, where empty)."""
    claims: dict[str, Any] = {"aud": f"{endpoint}/client/?hub={hub}", "exp": int(time.time() + minutes * 60)}
    return jwt.encode(claims | ({USER_CLAIMS[0]: user} if user else {}), KEYS[0], algorithm="HS256")


def user_of(claims: dict[str, Any]) -> str | None:
    """Whom a client's token names: the vendor's claim first, then those that .NET takes for a name."""
    return next((str(claims[name]) for name in USER_CLAIMS if claims.get(name)), None)


def check_client(request: web.Request, endpoint: str) -> dict[str, Any]:
    """The claims of a client. A browser's token is in the query. Raises PermissionError."""
    hub, token = request.query["hub"], _bearer(request) or request.query.get("access_token", "")
    return _verified(token, endpoint, f"/client/?hub={hub}", f"/client/?hub={hub.lower()}")


def check_call(request: web.Request, endpoint: str) -> None:
    """Check who calls the data plane; the audience is the path and query as they were sent. Raises PermissionError."""
    _verified(_bearer(request), endpoint, request.raw_path, request.raw_path.partition("?")[0])


def _bearer(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _verified(token: str, endpoint: str, *targets: str) -> dict[str, Any]:
    ends = ("", f":{urlsplit(endpoint).port}")
    audiences = [f"http://{host}{end}{target}" for host in HOSTS for end in ends for target in targets]
    options: Any = {"require": ["exp", "aud"]}
    reason = "It is longer than 4,096 characters"
    for key in reversed(KEYS) if len(token) <= LONGEST else ():  # what is said is about the first of them
        try:
            return jwt.decode(token, key, ["HS256"], options, audience=audiences)
        except jwt.PyJWTError as error:
            reason = str(error)
    raise PermissionError(f"{reason}. Tokens are signed with an access key (HS256), not by Entra.")
