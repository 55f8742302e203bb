"""The provider over HTTP: OpenID Connect discovery, a JWK set, and the token endpoint of OAuth 2.0 (RFC 6749)."""

from __future__ import annotations

import base64
import hmac
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from local.identity.keys import published_keys
from local.identity.tokens import LIFETIME, TENANT, issue, issuer

DEVELOPMENT_GRANT = "urn:sayzhong:params:oauth:grant-type:development"
# Partner systems of the local stack, their secrets and scopes. Public on purpose: they open nothing but loopback.
CLIENTS = {
    "school-lms": ("school-lms-secret", {"events.write"}),
    "content-studio": ("content-studio-secret", {"events.write"}),
}
Form = MultiDictProxy[Any]


class Denied(Exception):
    """A token request that is not granted; `code` is the one of RFC 6749, section 5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


def application() -> web.Application:
    """The provider's routes."""
    app = web.Application(client_max_size=16 * 1024)
    app.router.add_get("/.well-known/openid-configuration", _discovery)
    app.router.add_get("/jwks", _jwks)
    app.router.add_post("/token", _token)
    return app


async def _discovery(_request: web.Request) -> web.Response:
    return web.json_response(
        {
            "issuer": issuer(),
            "jwks_uri": f"{issuer()}/jwks",
            "token_endpoint": f"{issuer()}/token",
            "grant_types_supported": ["client_credentials", DEVELOPMENT_GRANT],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        }
    )


async def _jwks(_request: web.Request) -> web.Response:
    return web.json_response({"keys": [key.public_jwk() for key in published_keys()]})


async def _token(request: web.Request) -> web.Response:
    """Client credentials (RFC 6749, section 4.4), and a grant of our own that asks for no secret."""
    form = await request.post()
    try:
        expires = _seconds(form)
        match form.get("grant_type"):
            case "client_credentials":
                token = _client_token(request, form, expires)
            case grant if grant == DEVELOPMENT_GRANT:
                token = _development_token(form, expires)
            case _:
                known = f"client_credentials and {DEVELOPMENT_GRANT}"
                raise Denied("unsupported_grant_type", f"The grant types are {known}.")
    except Denied as denied:
        unknown = denied.code == "invalid_client"
        return web.json_response(
            {"error": denied.code, "error_description": str(denied)},
            status=401 if unknown else 400,
            headers={"WWW-Authenticate": "Basic"} if unknown else {},
        )
    answer = {"access_token": token, "token_type": "Bearer", "expires_in": expires}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


def _seconds(form: Form) -> int:
    try:
        return int(str(form.get("expires_in", LIFETIME)))
    except ValueError:
        raise Denied("invalid_request", "'expires_in' is a number of seconds.") from None


def _development_token(form: Form, expires: int) -> str:
    roles = [str(role) for role in form.getall("role", ["learner"])]
    try:
        return issue(str(form.get("username", "")), roles, str(form.get("tenant", TENANT)), expires)
    except ValueError as error:
        raise Denied("invalid_request", str(error)) from None


def _client_token(request: web.Request, form: Form, expires: int) -> str:
    client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(credentials).decode().partition(":")
        except ValueError:
            client = ""
    known, allowed = CLIENTS.get(client, ("", set()))
    if not known or not hmac.compare_digest(secret.encode(), known.encode()):
        raise Denied("invalid_client", "There is no such client, or its secret is another.")
    scopes = set(str(form.get("scope", "")).split()) or allowed
    if not scopes <= allowed:
        raise Denied("invalid_scope", f"This client's scopes are: {' '.join(sorted(allowed))}.")
    return issue(client, ["service"], expires=expires, scope=" ".join(sorted(scopes)))
