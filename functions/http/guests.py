"""Guests: learners without an account."""

from __future__ import annotations

import azure.functions as func

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.gateway.routes.learners import CREATE_GUEST, LINK_GUEST

bp = func.Blueprint()


@bp.route(route=CREATE_GUEST.path, methods=[CREATE_GUEST.method])
async def http_create_guest(req: func.HttpRequest) -> func.HttpResponse:
    """Give somebody without an account a learner and a token."""
    return await serve(req, CREATE_GUEST, app().gateway.guests.create)


@bp.route(route=LINK_GUEST.path, methods=[LINK_GUEST.method])
async def http_link_guest(req: func.HttpRequest) -> func.HttpResponse:
    """Turn a guest into the learner of the caller's account, progress kept."""
    return await serve(req, LINK_GUEST, app().gateway.guests.link)
