"""The provider over HTTP: discovery, JWKS and the token endpoint."""

from __future__ import annotations

import base64
import hmac
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from local.identity.keys import signing_keys
from local.identity.tokens import issue, issuer

DEVELOPMENT_GRANT = "urn:sayzhong:params:oauth:grant-type:development"
# Partner systems of the local stack; the secrets are public and open nothing but this provider.
CLIENTS = {
    "school-lms": ("school-lms-secret", "events.write"),
    "content-studio": ("content-studio-secret", "events.write"),
}


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
    return web.json_response({"keys": [key.public_jwk() for key in signing_keys()]})


async def _token(request: web.Request) -> web.Response:
    """RFC 6749, section 4.4, and a grant of our own that asks for no secret."""
    form = await request.post()
    grant = form.get("grant_type")
    try:
        expires = int(str(form.get("expires_in", "3600")))
        if grant == "client_credentials":
            token = _client_token(request, form, expires)
        elif grant == DEVELOPMENT_GRANT:
            roles = [str(role) for role in form.getall("role", ["learner"])]
            token = issue(str(form.get("username", "")), roles, str(form.get("tenant", "sayzhong")), expires)
        else:
            return _error("unsupported_grant_type", f"Grants are client_credentials and {DEVELOPMENT_GRANT}.")
    except PermissionError:
        return _error("invalid_client", "No such client, or another secret.", status=401)
    except ValueError as error:
        return _error("invalid_request", str(error))
    answer = {"access_token": token, "token_type": "Bearer", "expires_in": expires}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


def _client_token(request: web.Request, form: MultiDictProxy[Any], expires: int) -> str:
    client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        client, _, secret = base64.b64decode(credentials).decode().partition(":")
    known, scope = CLIENTS.get(client, ("", ""))
    if not known or not hmac.compare_digest(secret.encode(), known.encode()):
        raise PermissionError
    return issue(client, ["service"], expires=expires, scope=scope)


def _error(code: str, description: str, status: int = 400) -> web.Response:
    return web.json_response({"error": code, "error_description": description}, status=status)
