"""What many operations share: problem documents, headers, who may come in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from shared_code.gateway.problem import PROBLEM_JSON

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code", "correlation_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "maxLength": 200},
        "title": {"type": "string", "maxLength": 100},
        "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "maxLength": 1000},
        "instance": {"type": "string", "format": "uri-reference", "maxLength": 65536},
        "code": {"type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": 64},
        "correlation_id": {"type": "string", "format": "uuid", "maxLength": 36},
        "errors": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "format": "json-pointer", "maxLength": 1000},
                    "detail": {"type": "string", "maxLength": 1000},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": True,  # RFC 9457, section 3.2: a problem may say more
}

HEADERS: dict[str, Any] = {
    "X-Correlation-Id": {
        "description": "The id under which everything that follows from this request is found.",
        "schema": {"type": "string", "format": "uuid", "maxLength": 36},
    },
    "RateLimit-Policy": {
        "description": "The limit that counts for this caller here (draft-ietf-httpapi-ratelimit-headers), "
        "absent where none was counted.",
        "schema": {"type": "string", "maxLength": 200},
    },
    "RateLimit": {
        "description": "What is left of the limit, and in how many seconds there is more.",
        "schema": {"type": "string", "maxLength": 200},
    },
    "Retry-After": {
        "description": "Seconds after which to come back.",
        "schema": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 86400},
    },
    "Access-Control-Allow-Origin": {
        "description": "The page's origin, where it is one of those that may read our answers; else absent.",
        "schema": {"type": "string", "format": "uri", "maxLength": 300},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate (RFC 6750).",
        "schema": {"type": "string", "maxLength": 200},
    },
    "Location": {
        "description": "Where it is.",
        "schema": {"type": "string", "format": "uri-reference", "maxLength": 4096},
    },
    "ETag": {"description": "The version of what is answered.", "schema": {"type": "string", "maxLength": 200}},
}

SECURITY: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of a configured OpenID provider, used as RFC8725 says: RS256 or ES256.",
    }
}

EVERY_ANSWER = ("X-Correlation-Id", "Access-Control-Allow-Origin")
LIMITED = ("RateLimit", "RateLimit-Policy")
OF_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def problem_response(status: int) -> dict[str, Any]:
    """A failure as components hold it."""
    names = (*EVERY_ANSWER, *(LIMITED if status < HTTPStatus.INTERNAL_SERVER_ERROR else ()), *OF_STATUS.get(status, ()))
    return {
        "description": HTTPStatus(status).phrase,
        "headers": header_references(names),
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def header_references(names: tuple[str, ...]) -> dict[str, Any]:
    """References to headers among the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
