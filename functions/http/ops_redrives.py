"""For operators: redriving a group of dead letters, or all, as a job."""

from __future__ import annotations

import azure.functions as func

from functions.http.ops_dead_letters import TenantQuery, tenant_of
from functions.http.ops_jobs import JobAction, act_on_job, get_job, list_jobs, view
from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.events.letter import Selection
from shared_code.events.redrive_job import KIND
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.dead_letters import ACT_ON_REDRIVE, GET_REDRIVE, LIST_REDRIVES, START_REDRIVE

bp = func.Blueprint()


@bp.route(route=START_REDRIVE.path, methods=[START_REDRIVE.method])
async def http_start_redrive(req: func.HttpRequest) -> func.HttpResponse:
    """Redrive every letter that there is now of a reason, a type, a subscriber, or of any, as a job."""

    async def endpoint(request: Request) -> Response:
        selection = decode_json(request, Selection)
        tenant = tenant_of(request, decode_query(request, TenantQuery).tenant)
        job = await app().operations.jobs.start(KIND, selection, request.caller, tenant)
        return Response(202, view(job, request.caller), headers={"Location": f"/api/v1/ops/redrives/{job.id}"})

    return await serve(req, START_REDRIVE, endpoint)


@bp.route(route=LIST_REDRIVES.path, methods=[LIST_REDRIVES.method])
async def http_list_redrives(req: func.HttpRequest) -> func.HttpResponse:
    """List redrives, the last one first."""
    return await serve(req, LIST_REDRIVES, lambda request: list_jobs(request, KIND))


@bp.route(route=GET_REDRIVE.path, methods=[GET_REDRIVE.method])
async def http_get_redrive(req: func.HttpRequest) -> func.HttpResponse:
    """Look at a redrive: how many there are, and how many are done."""
    return await serve(req, GET_REDRIVE, lambda request: get_job(request, KIND))


@bp.route(route=ACT_ON_REDRIVE.path, methods=[ACT_ON_REDRIVE.method])
async def http_act_on_redrive(req: func.HttpRequest) -> func.HttpResponse:
    """Pause a redrive, let it go on, or cancel it."""
    return await serve(req, ACT_ON_REDRIVE, lambda request: act_on_job(request, KIND, decode_json(request, JobAction)))
