"""Did this come through API Management?"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

from shared_code.domain.errors import Conflict, Forbidden, Unauthenticated
from shared_code.gateway.edge_mode import EdgeMode
from shared_code.gateway.http import Endpoint, Request, Response
from shared_code.gateway.identity import context
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.media import media_type
from shared_code.resilience.shared_state import SharedState

EDGE_TOKEN = "x-edge-authorization"  # noqa: S105  a header's name
LEARNER_TOKEN = "x-learner-authorization"  # noqa: S105
EASYAUTH_ID = "x-ms-client-principal-id"  # App Service's own: it removes what clients send under this name
NONCES = "nonce:"
# Headers by which somebody else would say who calls. Nothing past this stage sees them.
IDENTITY_PREFIXES = ("x-user-", "x-ms-client-principal", "x-ms-token-", "x-context", "x-edge-", "x-learner-")


class Edge:
    """Lets in only what came through the edge, where that is switched on, and drops headers that claim an identity.

    `header`: the edge's managed-identity token in a header of its own, verified here. `easyauth`: App Service has
    verified it, and the learner's token travels in another header. Where `keys` are configured the edge must also have
    signed the request's context, once, and in it the hash of a JSON body (`body`, hex SHA-256). Fails closed, health
    excepted. Off, it only drops the headers.
    """

    def __init__(
        self,
        mode: EdgeMode,
        *,
        tokens: TokenVerifier,
        principals: frozenset[str],
        keys: Sequence[bytes],
        state: SharedState,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._mode = mode
        self._tokens = tokens
        self._principals = principals
        self._keys = tuple(keys)
        self._state = state
        self._now = now

    async def __call__(self, request: Request, proceed: Endpoint) -> Response:
        """Let the request through, or raise Forbidden."""
        if self._mode != "off" and not request.route.path.startswith("health/"):
            await self._check(request)
        request.headers = {
            name: value for name, value in request.headers.items() if not name.startswith(IDENTITY_PREFIXES)
        }
        return await proceed(request)

    def expired(self, partition: str) -> bool:
        """Whether a partition holds nonces whose time is over."""
        if not partition.startswith(NONCES):
            return False
        return (int(partition.removeprefix(NONCES)) + 1) * 60 + context.WINDOW < self._now()

    async def _check(self, request: Request) -> None:
        if self._mode == "header":
            edge = await self._edge(request.headers.get(EDGE_TOKEN, ""))
        else:
            edge = request.headers.get(EASYAUTH_ID, "")
            request.headers["authorization"] = request.headers.get(LEARNER_TOKEN, "")
        if edge not in self._principals:
            raise Forbidden("This did not come through the edge.", code="edge-unknown")
        if self._keys:
            await self._check_context(request)

    async def _edge(self, authorization: str) -> str:
        try:
            return (await self._tokens.verify(authorization.removeprefix("Bearer ").strip())).id
        except Unauthenticated:
            return ""

    async def _check_context(self, request: Request) -> None:
        now = self._now()
        facts = context.verify(self._keys, request.headers, method=request.method, path=request.path, now=now)
        # The edge hashes bodies of JSON; buffering audio for that would cost more than it is worth.
        if facts.get("body") != _digest(request.body) and ("body" in facts or (request.body and _is_json(request))):
            raise context.refused()
        try:
            await self._state.create(f"{NONCES}{int(facts['ts']) // 60}", str(facts["nonce"]), b"")
        except Conflict:
            raise context.refused() from None
        request.edge = {name: str(facts[name]) for name in ("product", "subscription") if facts.get(name)}


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _is_json(request: Request) -> bool:
    return media_type(request).endswith("json")
