"""For operators: what died, looked at, mended, redriven or discarded."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import NotFound
from shared_code.domain.json_text import NoJson, read_json
from shared_code.events.letter import Group, Letter, Reason, Selection, Summary
from shared_code.events.letters import Edit
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.dead_letters import (
    DISCARD_DEAD_LETTER,
    EDIT_DEAD_LETTER,
    GET_DEAD_LETTER,
    LIST_DEAD_LETTERS,
    REDRIVE_DEAD_LETTER,
)

bp = func.Blueprint()

Tenant = Annotated[str, Meta(max_length=64, description="Whose; the caller's own tenant if left out.")]


class LetterQuery(Struct, frozen=True, kw_only=True):
    """Which letters."""

    reason: Annotated[Reason | None, Meta(description="What they died of.")] = None
    type: Annotated[str, Meta(max_length=128, description="The event's type, as it says itself.")] = ""
    subscriber: Annotated[str, Meta(max_length=50, description="The subscription that they died in.")] = ""
    tenant: Tenant = ""
    after: Annotated[str, Meta(max_length=64, pattern="^[0-9a-f-]*$", description="The `next` of the page before.")] = (
        ""
    )
    limit: Annotated[int, Meta(ge=1, le=500, description="The most letters of a page.")] = 100


class TenantQuery(Struct, frozen=True, kw_only=True):
    """Whose letter it is."""

    tenant: Tenant = ""


class LetterPage(Struct, frozen=True, kw_only=True):
    """Dead letters by what they died of, on the first page, and a page of them in the order in which they died.

    Groups count the oldest 20,000 letters; `groups_complete` says whether that is all. `next` is the `after` of the
    next page, null on the last one.
    """

    groups: tuple[Group, ...]
    groups_complete: bool
    letters: tuple[Summary, ...]
    next: str | None


class LetterView(Struct, frozen=True, kw_only=True):
    """One letter, opened. `body` is the message's body as JSON, `body_base64` one that is none.

    `digest` is the body's SHA-256. Of a learner who was erased, nothing is left inside.
    """

    letter: Summary
    description: str
    erased: bool
    body: Any
    body_base64: str | None
    digest: str
    edits: tuple[Edit, ...]


class Mend(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The event that is to take the place of the body; `seen` is the digest of the body that the operator saw."""

    event: dict[str, Any]
    seen: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""


class Discard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a letter is given up for good, in a word: it goes into the lake, so nothing about anybody."""

    reason: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{1,63}$", description="Lower case, digits and hyphens.")]


def tenant_of(request: Request, asked: str) -> str:
    """Whose things an operator means. Raises NotFound where they are not the caller's to see."""
    tenant = asked or request.caller.tenant
    if not request.caller.sees(tenant):
        raise NotFound("There is no such tenant.")
    return tenant


@bp.route(route=LIST_DEAD_LETTERS.path, methods=[LIST_DEAD_LETTERS.method])
async def http_list_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
    """List dead letters, grouped by reason, type and subscriber, and page by page."""

    async def endpoint(request: Request) -> Response:
        query = decode_query(request, LetterQuery)
        tenant = tenant_of(request, query.tenant)
        selection = Selection(reason=query.reason, type=query.type, subscriber=query.subscriber)
        found = app().delivery.letters.summaries(tenant, selection, after=query.after, limit=query.limit + 1)
        letters = [each async for each in found]
        groups, complete = await app().delivery.letters.groups(tenant, selection) if not query.after else ([], True)
        page = letters[: query.limit]
        following = page[-1].id if len(letters) > query.limit else None
        return Response(
            200, LetterPage(groups=tuple(groups), groups_complete=complete, letters=tuple(page), next=following)
        )

    return await serve(req, LIST_DEAD_LETTERS, endpoint)


@bp.route(route=GET_DEAD_LETTER.path, methods=[GET_DEAD_LETTER.method])
async def http_get_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """Look at one dead letter, its body and who edited it."""

    async def endpoint(request: Request) -> Response:
        return Response(200, await _view(await _letter(request)))

    return await serve(req, GET_DEAD_LETTER, endpoint)


@bp.route(route=EDIT_DEAD_LETTER.path, methods=[EDIT_DEAD_LETTER.method])
async def http_edit_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """Put an event that fits in the place of a letter's body; who did it goes on record with it."""

    async def endpoint(request: Request) -> Response:
        mend = decode_json(request, Mend)
        letter = await _letter(request)
        edit = await app().operations.mending.mend(letter, mend.event, request.caller, seen=mend.seen)
        app().operations.redrive.record(letter, "edited", edit.by, before=edit.before, after=edit.after)
        return Response(200, await _view(await _letter(request)))

    return await serve(req, EDIT_DEAD_LETTER, endpoint)


@bp.route(route=REDRIVE_DEAD_LETTER.path, methods=[REDRIVE_DEAD_LETTER.method])
async def http_redrive_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """Send one letter to its own subscription again; 422 where it does not fit and has to be edited first."""

    async def endpoint(request: Request) -> Response:
        letter = await _letter(request)
        outcome = await app().operations.redrive.redrive(letter.summary.tenant, [letter], by=request.caller.pseudonym)
        for _, fault in outcome.refused:
            raise fault
        return Response(200, letter.summary)

    return await serve(req, REDRIVE_DEAD_LETTER, endpoint)


@bp.route(route=DISCARD_DEAD_LETTER.path, methods=[DISCARD_DEAD_LETTER.method])
async def http_discard_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """Give a letter up for good."""

    async def endpoint(request: Request) -> Response:
        discard = decode_json(request, Discard)
        letter = await _letter(request)
        tenant, by = letter.summary.tenant, request.caller.pseudonym
        await app().operations.redrive.discard(tenant, letter, by=by, why=discard.reason)
        return Response(204)

    return await serve(req, DISCARD_DEAD_LETTER, endpoint)


async def _letter(request: Request) -> Letter:
    tenant = tenant_of(request, decode_query(request, TenantQuery).tenant)
    return await app().delivery.letters.open(tenant, request.identifier("letter_id"))


async def _view(letter: Letter) -> LetterView:
    try:
        body, text = read_json(letter.body), None
    except NoJson:
        body, text = None, base64.b64encode(letter.body).decode()
    return LetterView(
        letter=letter.summary,
        description=letter.description,
        erased=letter.erased,
        body=body,
        body_base64=text,
        digest=letter.digest,
        edits=tuple(await app().delivery.letters.edits(letter.summary.tenant, letter.summary.id)),
    )
