"""Failures as the caller sees them: RFC 9457 problem details."""

from __future__ import annotations

import math
from http import HTTPStatus

from shared_code.domain.errors import AppError
from shared_code.gateway.http import CORRELATION_HEADER, Request, Response
from shared_code.gateway.limiting.fields import TooMany

PROBLEM_JSON = "application/problem+json"
TYPE_BASE = "https://sayzhong.example/problems/"
REALM = 'Bearer realm="sayzhong"'


def problem(request: Request, error: AppError) -> Response:
    """Make the answer for a failure. It says what the error's author wrote for the caller, and nothing else."""
    body: dict[str, object] = {
        "type": TYPE_BASE + error.code,
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": str(error),
        "instance": request.path,
        "code": error.code,
        "correlation_id": request.correlation_id,
        **error.extra,
    }
    if error.errors:
        body["errors"] = [{"pointer": field.pointer, "detail": field.detail} for field in error.errors]
    headers = {CORRELATION_HEADER: request.correlation_id, **_headers(error)}
    return Response(error.status, body, headers, PROBLEM_JSON)


def _headers(error: AppError) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if error.status == HTTPStatus.UNAUTHORIZED:
        # RFC 6750, section 3.1: no error code for a request that carried no token at all
        refused = error.code.startswith("token-") and error.code != "token-missing"
        headers["WWW-Authenticate"] = f'{REALM}, error="invalid_token"' if refused else REALM
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if allow := error.extra.get("allow"):
        assert isinstance(allow, list)
        headers["Allow"] = ", ".join(allow)
    if isinstance(error, TooMany):
        headers.update(error.headers)
    return headers
