"""What of a request's and an answer's headers goes on."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from shared_code.gateway.http import CORRELATION_HEADER, Request
from shared_code.gateway.identity import context
from shared_code.gateway.stages.deadline import TIMEOUT_HEADER, left

# RFC 9110, section 7.6.1, and what older proxies know
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
# A service learns who calls from the signed context alone; nothing that a client says of itself gets through.
WITHHELD = (
    HOP_BY_HOP
    | {"host", "content-length", "expect", "authorization", "cookie", "accept-encoding"}
    | {"forwarded", "via", "x-original-url", "x-rewrite-url"}
)
WITHHELD_PREFIXES = ("x-forwarded-", "x-user-", "x-ms-", "x-context", "x-real-", "x-client-", "x-edge-", "x-functions-")
KEPT_BACK = (
    HOP_BY_HOP
    | {"content-length", "content-encoding", "set-cookie"}
    | {"server", "x-powered-by", "via", "date", "alt-svc"}
)
KEPT_BACK_PREFIXES = ("access-control-", "x-aspnet", "x-ms-", "strict-transport-")


def outgoing(request: Request, secret: bytes) -> dict[str, str]:
    """Headers for the service: the client's own, less what it may not say, plus what we say."""
    named = _named_by_connection(request.headers)
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in WITHHELD and name not in named and not name.startswith(WITHHELD_PREFIXES)
    }
    headers["forwarded"] = _forwarded(request)
    headers["traceparent"] = request.traceparent
    headers[CORRELATION_HEADER.lower()] = request.correlation_id
    headers[TIMEOUT_HEADER] = str(max(1, int(left(request) * 1000)))
    headers["accept-encoding"] = "identity"
    caller = request.principal
    facts = {
        "method": request.method,
        "path": request.path,
        "id": caller.id if caller else None,
        "pseudonym": caller.pseudonym if caller else None,
        "tenant": caller.tenant if caller else None,
        "roles": sorted(caller.roles) if caller else [],
        "scopes": sorted(caller.scopes) if caller else [],
    }
    return headers | context.sign(secret, facts, request.received_at.timestamp())


def incoming(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for the client: the service's own, less what concerns our connection to it or gives its make away."""
    lowered = {name.lower(): value for name, value in headers.items()}
    named = _named_by_connection(lowered)
    return {
        name: value
        for name, value in lowered.items()
        if name not in KEPT_BACK and name not in named and not name.startswith(KEPT_BACK_PREFIXES)
    }


def _named_by_connection(headers: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in headers.get("connection", "").split(","))


def _forwarded(request: Request) -> str:
    """RFC 7239. The client's address where we know it; our own name is nobody's business."""
    address = request.client_address
    client = f'"[{address}]"' if ":" in address else address or "unknown"
    host = quote(request.headers.get("host", ""), safe=".:-[]")
    return f'for={client};host="{host}";proto=https' if host else f"for={client};proto=https"
