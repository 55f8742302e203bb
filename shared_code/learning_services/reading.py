"""What endpoints read of a request beyond its body."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.errors import BadRequest, NotFound
from shared_code.gateway.http import Request

NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
ETAG = re.compile(r'"(\d{1,9})"')

Limit = Annotated[int, Meta(ge=1, le=100, description="How many at most.")]


class Backwards(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of the past. `before` is what the page before it answered; 0 begins with the latest."""

    before: Annotated[int, Meta(ge=0, le=2**31 - 1, description="The answer's 'before', for what came earlier.")] = 0
    limit: Limit = 20


def named(request: Request, name: str) -> str:
    """An id in the path: 1-64 of a-z, 0-9, `_`, `.` and `-`, a letter first. NotFound for what cannot be one."""
    if not NAME.fullmatch(request.params[name]):
        raise NotFound("There is no such thing: ids have 1-64 of a-z, 0-9, _, . and -, and begin with a letter.")
    return request.params[name]


def etag(version: int) -> dict[str, str]:
    """The header that says which version is answered."""
    return {"ETag": f'"{version}"'}


def expected_version(request: Request) -> int | None:
    """The version that a change is meant for, by `If-Match: "3"`; 0, meaning none, by `If-None-Match: *`; else None.

    (RFC 9110, section 13.1.) Raises BadRequest for what is no ETag of ours.
    """
    if request.headers.get("if-none-match") == "*":
        return 0
    given = request.headers.get("if-match", "*")
    if given == "*":
        return None
    found = ETAG.fullmatch(given)
    if found is None:
        raise BadRequest('If-Match takes the ETag of an answer, such as "3".', code="etag-invalid")
    return int(found[1])
