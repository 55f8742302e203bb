"""For operators: what both kinds of job, redrives and replays, have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from functions.http.ops_dead_letters import Tenant, tenant_of
from shared_code.bootstrap import app
from shared_code.domain.errors import NotFound
from shared_code.domain.principal import Principal
from shared_code.events.job import Job, State
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query

_WANTED: dict[str, State] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


class JobQuery(Struct, frozen=True, kw_only=True):
    """Which jobs."""

    tenant: Tenant = ""
    after: Annotated[str, Meta(max_length=64, pattern="^[0-9a-f-]*$", description="The `next` of the page before.")] = (
        ""
    )
    limit: Annotated[int, Meta(ge=1, le=500, description="The most jobs of a page.")] = 100


class JobView(Struct, frozen=True, kw_only=True):
    """A job and how far it is. `total` is null until it has been counted.

    `by` is the operator's pseudonym, and `mine` says whether that is the caller. `skipped` counts what was left alone;
    `phase` is what a replay is about: build, swap, feed. `trouble` is the code of what keeps it from going on: a job
    that runs tries again by itself, one that failed when it is told to.
    """

    id: str
    state: State
    order: dict[str, Any]
    total: int | None
    done: int
    skipped: int
    phase: str
    trouble: str
    by: str
    mine: bool
    created_at: datetime
    ended_at: datetime | None


class JobPage(Struct, frozen=True):
    """A page of jobs, the last one first. `next` is the `after` of the next page, null on the last one."""

    jobs: tuple[JobView, ...]
    next: str | None


class JobAction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to become of a job."""

    action: Literal["pause", "resume", "cancel"]


async def list_jobs(request: Request, kind: str) -> Response:
    """A page of the caller's jobs of a kind."""
    query = decode_query(request, JobQuery)
    tenant = tenant_of(request, query.tenant)
    found = await app().operations.jobs.page(kind, tenant, before=query.after, limit=query.limit + 1)
    page = found[: query.limit]
    following = page[-1].id if len(found) > query.limit else None
    return Response(200, JobPage(tuple(view(job, request.caller) for job in page), following))


async def get_job(request: Request, kind: str) -> Response:
    """One job."""
    return Response(200, view(await found_job(request, kind), request.caller))


async def act_on_job(request: Request, kind: str, action: JobAction) -> Response:
    """Pause a job, let it go on, or cancel it."""
    job = await found_job(request, kind)
    return Response(200, view(await app().operations.jobs.ask(kind, job.id, _WANTED[action.action]), request.caller))


async def found_job(request: Request, kind: str) -> Job:
    """The job that the path names. Raises NotFound, also for another tenant's."""
    job = await app().operations.jobs.get(kind, request.identifier("job_id"))
    if not request.caller.sees(job.tenant):
        raise NotFound("There is no such job.")
    return job


def view(job: Job, caller: Principal) -> JobView:
    """A job as an operator sees it."""
    return JobView(
        id=job.id,
        state=job.state,
        order=job.order,
        total=job.total,
        done=job.done,
        skipped=job.skipped,
        phase=job.cursor.get("phase", ""),
        trouble=job.trouble,
        by=job.by,
        mine=job.by == caller.pseudonym,
        created_at=job.created_at,
        ended_at=job.ended_at,
    )
