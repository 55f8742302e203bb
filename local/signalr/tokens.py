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


def refused(why: str) -> web.HTTPUnauthorized:
    """The answer to a token that does not hold."""
    return web.HTTPUnauthorized(text=why, headers={"WWW-Authenticate": "Bearer"})


def client_token(endpoint: str, hub: str, user: str, minutes: float) -> str:
    """A token with which a client may connect to the hub as this user (nobody, where empty)."""
    claims: dict[str, Any] = {"aud": f"{endpoint}/client/?hub={hub}", "exp": int(time.time() + minutes * 60)}
    return jwt.encode(claims | ({USER_CLAIMS[0]: user} if user else {}), KEYS[0], algorithm="HS256")


def check_client(request: web.Request, endpoint: str, hub: str) -> tuple[str | None, dict[str, Any]]:
    """The user (or None) and the claims of a client. A browser's token is in the query. Raises HTTPUnauthorized."""
    claims = _verified(_bearer(request) or request.query.get("access_token", ""), endpoint, [f"/client/?hub={hub}"])
    return next((str(claims[name]) for name in USER_CLAIMS if claims.get(name)), None), claims


def check_call(request: web.Request, endpoint: str) -> None:
    """Check who calls the data plane: the audience is the path and query as they were sent. Raises HTTPUnauthorized."""
    _verified(_bearer(request), endpoint, [request.raw_path, request.raw_path.partition("?")[0]])


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _verified(token: str, endpoint: str, targets: list[str]) -> dict[str, Any]:
    if len(token) > LONGEST:
        raise refused("The token is longer than 4,096 characters.")
    port = urlsplit(endpoint).port
    hosts = [f"http://{host}{end}" for host in HOSTS for end in ("", f":{port}")]
    audiences = {f"{host}{target}".lower() for host in hosts for target in targets}
    options: Any = {"require": ["exp", "aud"], "verify_aud": False}
    for key in KEYS:
        try:
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=["HS256"], options=options)
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidAlgorithmError:
            raise refused("Tokens are signed with an access key (HS256); Entra's are not supported here.") from None
        except jwt.PyJWTError as error:
            raise refused(f"The token does not hold: {error}.") from error
        given = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if audiences.isdisjoint(str(audience).lower() for audience in given):
            raise refused("The token is for another audience.")
        return claims
    raise refused("The token's signature is not of an access key.")
