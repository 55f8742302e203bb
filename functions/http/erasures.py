"""Erasing learners: by themselves, and by operators."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import NotFound
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.learners import ERASE_LEARNER, ERASE_ME, GET_ERASURE, GET_MY_ERASURE
from shared_code.services.erasure import Person

LONGEST_ID = 255

bp = func.Blueprint()


class ErasureQuery(Struct, frozen=True, kw_only=True):
    """Whose learner."""

    tenant: Annotated[str, Meta(max_length=64, description="The learner's tenant; the caller's own if left out.")] = ""


@bp.route(route=ERASE_LEARNER.path, methods=[ERASE_LEARNER.method])
async def http_erase_learner(req: func.HttpRequest) -> func.HttpResponse:
    """Erase a learner. Their key is gone when this answers; the rest follows, and can be watched."""

    async def endpoint(request: Request) -> Response:
        person = _person(request)
        where = f"/api/v1/ops/learners/{quote(person.id, safe='')}/erasure"
        return Response(202, await app().privacy.erasures.begin(person), headers={"Location": where})

    return await serve(req, ERASE_LEARNER, endpoint)


@bp.route(route=GET_ERASURE.path, methods=[GET_ERASURE.method])
async def http_get_erasure(req: func.HttpRequest) -> func.HttpResponse:
    """Look at how a learner's latest erasure stands."""

    async def endpoint(request: Request) -> Response:
        return Response(200, await app().privacy.erasures.of(_person(request).pseudonym))

    return await serve(req, GET_ERASURE, endpoint)


@bp.route(route=ERASE_ME.path, methods=[ERASE_ME.method])
async def http_erase_me(req: func.HttpRequest) -> func.HttpResponse:
    """Erase the caller."""

    async def endpoint(request: Request) -> Response:
        me = request.caller
        erasure = await app().privacy.erasures.begin(Person(id=me.id, tenant=me.tenant, pseudonym=me.pseudonym))
        return Response(202, erasure, headers={"Location": f"/api/{GET_MY_ERASURE.path}"})

    return await serve(req, ERASE_ME, endpoint)


@bp.route(route=GET_MY_ERASURE.path, methods=[GET_MY_ERASURE.method])
async def http_get_my_erasure(req: func.HttpRequest) -> func.HttpResponse:
    """Look at how the caller's latest erasure stands."""

    async def endpoint(request: Request) -> Response:
        return Response(200, await app().privacy.erasures.of(request.caller.pseudonym))

    return await serve(req, GET_MY_ERASURE, endpoint)


def _person(request: Request) -> Person:
    """The learner of the path; another tenant's are not there for whoever does not look after all."""
    learner, tenant = request.params["learner_id"], decode_query(request, ErasureQuery).tenant or request.caller.tenant
    if len(learner) > LONGEST_ID or not request.caller.sees(tenant):
        raise NotFound("There is no such learner.")
    return Person(id=learner, tenant=tenant, pseudonym=app().people.pseudonym(tenant, learner))
