"""Who may connect and call: tokens are JWTs that are signed with an access key (HS256).

learn.microsoft.com/azure/azure-signalr/signalr-reference-data-plane-rest-api. The vendor's SDK leaves the port out of a
client's audience and puts the query into a call's; hand-written clients do otherwise. Both are accepted.
"""

import json
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
USER_CLAIMS = ("asrs.s.uid", "nameid", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", "sub")


class Failure(web.HTTPException):
    """An error that callers hear: `{code, message}`, the code also in a header."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        self.status_code, text = status, json.dumps({"code": code, "message": message})
        super().__init__(headers={"x-ms-error-code": code, **headers}, text=text, content_type="application/json")


def client_token(endpoint: str, hub: str, user: str, minutes: float) -> str:
    """A token with which a client may connect to the hub as this user (nobody, where empty)."""
    claims: dict[str, Any] = {"aud": f"{endpoint}/client/?hub={hub}", "exp": int(time.time() + minutes * 60)}
    return jwt.encode(claims | ({USER_CLAIMS[0]: user} if user else {}), KEYS[0], algorithm="HS256")


def check(request: web.Request, endpoint: str, *targets: str) -> dict[str, Any]:
    """The claims of a token for one of these paths; a browser's is in the query. Raises Failure (401)."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("access_token", "")
    ends = ("", f":{urlsplit(endpoint).port}")
    audiences = [f"http://{host}{end}{target}" for host in HOSTS for end in ends for target in targets]
    options: Any = {"require": ["exp", "aud"]}
    reason = "" if len(token) <= LONGEST else "The token is longer than 4,096 characters"
    for key in () if reason else KEYS:
        try:
            return jwt.decode(token, key, ["HS256"], options, audience=audiences)
        except jwt.PyJWTError as error:
            reason = reason or str(error)
    message = f"{reason}. Tokens are signed with an access key (HS256), not by Entra."
    raise Failure(401, "Error.Unauthorized", message, **{"WWW-Authenticate": "Bearer"})
