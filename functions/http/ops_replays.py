"""For operators: rebuilding projections and feeding subscribers from what has happened, as a job."""

from __future__ import annotations

from typing import Annotated, Literal

import azure.functions as func
from msgspec import Meta, Struct

from functions.bus.subscribers import HANDLERS
from functions.http.ops_dead_letters import TenantQuery, tenant_of
from functions.http.ops_jobs import JobAction, act_on_job, found_job, get_job, list_jobs, view
from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import Conflict, FieldError, Invalid
from shared_code.domain.events.fields import Moment
from shared_code.events.replay_job import in_swap
from shared_code.events.replay_order import KIND, ReplayOrder
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.replays import ACT_ON_REPLAY, COMPARE_REPLAY, GET_REPLAY, LIST_REPLAYS, START_REPLAY

bp = func.Blueprint()


class NewReplay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """What to replay: a projection to rebuild, or a `topic` and a `subscriber` of it to feed.

    Of one learner, or of all of the tenant. `source` is where events are read: the event store, or the lake's archive,
    which is up to two minutes behind and may have what the store has lost. `from` and `to` (without that moment itself)
    choose by when events were recorded, for a feed. A rebuilt projection waits beside the live one to be compared,
    unless `swap` is true. Nothing is pushed, mailed or sent to other systems unless `side_effects` is true.
    """

    projection: Literal["", "progress", "plan"] = ""
    topic: Annotated[str, Meta(max_length=50)] = ""
    subscriber: Annotated[str, Meta(max_length=50)] = ""
    learner: Annotated[str, Meta(max_length=128)] = ""
    source: Literal["store", "archive"] = "store"
    start: Moment | None = None
    end: Moment | None = None
    side_effects: bool = False
    swap: bool = False


class ReplayAction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to become of a replay. `swap` puts a rebuilt projection in the place of the live one."""

    action: Literal["pause", "resume", "cancel", "swap"]


class DifferenceQuery(Struct, frozen=True, kw_only=True):
    """Which learners to compare."""

    after: Annotated[str, Meta(max_length=64, pattern="^[a-z2-7]*$", description="The `next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=100, description="The most learners of a page.")] = 50


@bp.route(route=START_REPLAY.path, methods=[START_REPLAY.method])
async def http_start_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Rebuild a projection, or feed one subscriber."""

    async def endpoint(request: Request) -> Response:
        wish = decode_json(request, NewReplay)
        tenant = tenant_of(request, decode_query(request, TenantQuery).tenant)
        job = await app().operations.jobs.start(KIND, _order(wish, tenant), request.caller, tenant)
        return Response(202, view(job, request.caller), headers={"Location": f"/api/v1/ops/replays/{job.id}"})

    return await serve(req, START_REPLAY, endpoint)


@bp.route(route=LIST_REPLAYS.path, methods=[LIST_REPLAYS.method])
async def http_list_replays(req: func.HttpRequest) -> func.HttpResponse:
    """List replays, the last one first."""
    return await serve(req, LIST_REPLAYS, lambda request: list_jobs(request, KIND))


@bp.route(route=GET_REPLAY.path, methods=[GET_REPLAY.method])
async def http_get_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Look at a replay: how many streams there are, and how many are done."""
    return await serve(req, GET_REPLAY, lambda request: get_job(request, KIND))


@bp.route(route=ACT_ON_REPLAY.path, methods=[ACT_ON_REPLAY.method])
async def http_act_on_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Pause a replay, let it go on, cancel it, or swap in what it has rebuilt."""

    async def endpoint(request: Request) -> Response:
        action = decode_json(request, ReplayAction)
        if action.action != "swap":
            return await act_on_job(request, KIND, JobAction(action=action.action))
        job = await found_job(request, KIND)
        return Response(200, view(await app().operations.jobs.again(KIND, job.id, in_swap), request.caller))

    return await serve(req, ACT_ON_REPLAY, endpoint)


@bp.route(route=COMPARE_REPLAY.path, methods=[COMPARE_REPLAY.method])
async def http_compare_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Compare a rebuilt projection with the live one, before it is swapped in."""

    async def endpoint(request: Request) -> Response:
        query = decode_query(request, DifferenceQuery)
        job = await found_job(request, KIND)
        if job.state != "built":
            raise Conflict(
                f"This is {job.state}; only what is built can be compared.",
                code="job-state",
                extra={"state": job.state},
            )
        rebuild = app().operations.replays.rebuild(job)
        return Response(200, await rebuild.comparison(after=query.after, limit=query.limit))

    return await serve(req, COMPARE_REPLAY, endpoint)


def _order(wish: NewReplay, tenant: str) -> ReplayOrder:
    """The wish, if it makes sense, without anybody's name. Raises Invalid."""
    if bool(wish.projection) == bool(wish.subscriber):
        raise _misfit("/projection", "Either a projection is rebuilt, or one subscriber is fed.")
    if wish.projection:
        if wish.start or wish.end or wish.side_effects or wish.topic:
            raise _misfit(
                "/projection", "A projection is rebuilt from all that has happened, and without side effects."
            )
    elif (wish.topic, wish.subscriber) not in HANDLERS:
        raise _misfit("/subscriber", "This topic has no such subscriber.")
    elif wish.swap:
        raise _misfit("/swap", "Only a projection is swapped.")
    return ReplayOrder(
        projection=wish.projection,
        topic=wish.topic,
        subscriber=wish.subscriber,
        stream=app().people.pseudonym(tenant, wish.learner) if wish.learner else "",
        source=wish.source,
        start=wish.start,
        end=wish.end,
        side_effects=wish.side_effects,
        swap=wish.swap,
    )


def _misfit(pointer: str, detail: str) -> Invalid:
    return Invalid("The replay does not make sense.", errors=[FieldError(pointer, detail)])
