"""A learner's consents."""

from __future__ import annotations

import re
from typing import Annotated

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import BadRequest
from shared_code.domain.events.consent import ConsentChanged
from shared_code.domain.events.fields import Slug
from shared_code.events.consents import Consents
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.learners import CHANGE_CONSENTS, GET_CONSENTS

bp = func.Blueprint()

Answers = Annotated[dict[Slug, bool], Meta(max_length=50, description="By subscriber; who is left out stays as is.")]


class ChangeConsents(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which subscribers may have the learner's voice and experiment data."""

    voice: Answers = {}
    experiment: Answers = {}


@bp.route(route=GET_CONSENTS.path, methods=[GET_CONSENTS.method])
async def http_get_consents(req: func.HttpRequest) -> func.HttpResponse:
    """Look at the caller's consents: every subscriber that is sent such data, and whether it may have it."""

    async def endpoint(request: Request) -> Response:
        return _answer(await app().events.consents.of(request.caller.pseudonym))

    return await serve(req, GET_CONSENTS, endpoint)


@bp.route(route=CHANGE_CONSENTS.path, methods=[CHANGE_CONSENTS.method])
async def http_change_consents(req: func.HttpRequest) -> func.HttpResponse:
    """Grant and withdraw. With If-Match only while the consents are at that version."""

    async def endpoint(request: Request) -> Response:
        expected = _version(request.headers.get("if-match", "*"))
        body = decode_json(request, ChangeConsents)
        wanted = ConsentChanged(version=1, voice=body.voice, experiment=body.experiment)
        changed = await app().events.consents.change(
            request.caller, wanted, request.correlation_id, expected_version=expected
        )
        return _answer(changed)

    return await serve(req, CHANGE_CONSENTS, endpoint)


def _answer(consents: Consents) -> Response:
    return Response(200, consents.whole(), headers={"ETag": f'"{consents.version}"'})


def _version(tag: str) -> int | None:
    if tag.strip() == "*":
        return None
    found = re.fullmatch(r'"(0|[1-9][0-9]{0,8})"', tag.strip())
    if found is None:
        raise BadRequest("If-Match takes the ETag of the consents, or *.", code="if-match-invalid")
    return int(found[1])
