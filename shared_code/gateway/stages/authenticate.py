"""Who calls?"""

from __future__ import annotations

from shared_code.domain.clock import rfc3339
from shared_code.domain.errors import AppError, Unauthenticated
from shared_code.domain.principal import Principal
from shared_code.gateway.http import Endpoint, Record, Request, Response
from shared_code.gateway.identity.bearer import bearer
from shared_code.gateway.identity.tokens import TokenVerifier


class Authenticate:
    """Verifies the bearer token of every request to a route that is not public. Fails closed."""

    def __init__(self, tokens: TokenVerifier, record: Record) -> None:
        self._tokens = tokens
        self._record = record

    async def __call__(self, request: Request, proceed: Endpoint) -> Response:
        """Set the request's principal, or raise Unauthenticated (Unavailable when no keys can be had)."""
        if not request.route.access.public:
            request.principal = await self._principal(request)
        return await proceed(request)

    async def _principal(self, request: Request) -> Principal:
        try:
            token = bearer(request)
            if not token:
                raise Unauthenticated("This needs a bearer token.", code="token-missing")
            principal = await self._tokens.verify(token)
        except AppError as error:
            self._write(request, error.code, None)
            raise
        self._write(request, "accepted", principal)
        return principal

    def _write(self, request: Request, outcome: str, principal: Principal | None) -> None:
        record: dict[str, object] = {
            "time": rfc3339(request.received_at),
            "correlation_id": request.correlation_id,
            "route": request.route.template,
            "outcome": outcome,
            "caller": principal.pseudonym if principal else None,
            "tenant": principal.tenant if principal else None,
        }
        self._record("integration", "api_gateway/authentication_logs", record)
