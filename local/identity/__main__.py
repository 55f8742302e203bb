"""`python -m local.identity`: OpenID Connect discovery, a JWK set, and the token endpoint of OAuth 2.0 (RFC 6749)."""

import base64
import hmac
import json
from collections.abc import Mapping

from aiohttp import web

from local.identity.tokens import LIFETIME, TENANT, issue, issuer, published, signing_key
from local.ports import HOST
from local.process import serve

DEVELOPMENT_GRANT = "urn:sayzhong:params:oauth:grant-type:development"
# Partner systems of the local stack, their secrets and scopes. Public on purpose: they open nothing but loopback.
CLIENTS = {
    "school-lms": ("school-lms-secret", {"events.write"}),
    "content-studio": ("content-studio-secret", {"events.write"}),
}


def application() -> web.Application:
    """The provider's routes."""
    app = web.Application(client_max_size=16 * 1024)
    app.router.add_get("/.well-known/openid-configuration", _discovery)
    app.router.add_get("/jwks", _jwks)
    app.router.add_post("/token", _token)
    return app


async def _discovery(_request: web.Request) -> web.Response:
    metadata = {
        "issuer": issuer(),
        "jwks_uri": f"{issuer()}/jwks",
        "token_endpoint": f"{issuer()}/token",
        "grant_types_supported": ["client_credentials", DEVELOPMENT_GRANT],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
    }
    return web.json_response(metadata)


async def _jwks(_request: web.Request) -> web.Response:
    return web.json_response({"keys": [published(signing_key())]})


async def _token(request: web.Request) -> web.Response:
    """Client credentials (RFC 6749, section 4.4), and a grant of our own that asks for no secret."""
    form = await request.post()
    try:
        expires = int(str(form.get("expires_in", LIFETIME)))
        match form.get("grant_type"):
            case "client_credentials":
                client, scope = _client(request, form)
                token = issue(client, ["service"], expires=expires, scope=scope)
            case grant if grant == DEVELOPMENT_GRANT:
                roles = [str(role) for role in form.getall("role", ["learner"])]
                token = issue(str(form.get("username", "")), roles, str(form.get("tenant", TENANT)), expires)
            case _:
                raise _denied("unsupported_grant_type", f"There are client_credentials and {DEVELOPMENT_GRANT}.")
    except ValueError as error:
        raise _denied("invalid_request", str(error)) from None
    answer = {"access_token": token, "token_type": "Bearer", "expires_in": expires}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


def _client(request: web.Request, form: Mapping[str, object]) -> tuple[str, str]:
    """The client that this secret shows it to be, and its scopes: those that it asks for, or all of them."""
    client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        client, _, secret = base64.b64decode(credentials).decode().partition(":")
    known, allowed = CLIENTS.get(client, ("", set()))
    if not known or not hmac.compare_digest(secret.encode(), known.encode()):
        raise _denied("invalid_client", "There is no such client, or its secret is another.")
    scopes = set(str(form.get("scope", "")).split()) or allowed
    if not scopes <= allowed:
        raise _denied("invalid_scope", f"This client's scopes are: {' '.join(sorted(allowed))}.")
    return client, " ".join(sorted(scopes))


def _denied(code: str, description: str) -> web.HTTPException:
    """An error as RFC 6749, section 5.2, writes it."""
    text = json.dumps({"error": code, "error_description": description})
    if code == "invalid_client":
        challenge = {"WWW-Authenticate": "Basic"}
        return web.HTTPUnauthorized(text=text, content_type="application/json", headers=challenge)
    return web.HTTPBadRequest(text=text, content_type="application/json")


def run(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    print(f"listening on {issuer()}, signing with {published(signing_key())['kid']}")
    web.run_app(application(), host=HOST, port=port, print=None, access_log=None, shutdown_timeout=2)


if __name__ == "__main__":
    serve("identity", run)
