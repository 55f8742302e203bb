"""Content types."""

from __future__ import annotations

from shared_code.gateway.http import Request


def media_type(request: Request) -> str:
    """The body's content type without parameters, in lower case; empty where none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
