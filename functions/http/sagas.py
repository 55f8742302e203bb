"""For operators: how sagas stand, and how a parked one goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import azure.durable_functions as df
import azure.functions as func
from msgspec import Struct

from functions.http.serving import serve
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.sagas import OPERATOR_EVENT
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.operators import DECIDE_SAGA, GET_SAGA, LIST_SAGAS

bp = df.Blueprint()
RUNNING = (df.OrchestrationRuntimeStatus.Running, df.OrchestrationRuntimeStatus.Pending)


class SagaView(Struct, frozen=True, kw_only=True):
    """One saga: how the engine sees it, and in `progress` what it says of itself; null before its first step."""

    id: str
    saga: str
    status: str
    progress: Any
    started_at: datetime | None
    updated_at: datetime | None


class SagaList(Struct, frozen=True):
    """Sagas that run, wait or are parked."""

    sagas: tuple[SagaView, ...]


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """`retry` tries the undo that failed again; `skip` goes on without it."""

    action: Literal["retry", "skip"]


@bp.route(route=GET_SAGA.path, methods=[GET_SAGA.method])
@bp.durable_client_input(client_name="client")
async def http_get_saga(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Look at one saga: its state, the step it is at and what it has done."""

    async def endpoint(request: Request) -> Response:
        return Response(200, _view(await _found(client, request)))

    return await serve(req, GET_SAGA, endpoint)


@bp.route(route=LIST_SAGAS.path, methods=[LIST_SAGAS.method])
@bp.durable_client_input(client_name="client")
async def http_list_sagas(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Find the sagas that have not ended, the parked ones first."""

    async def endpoint(request: Request) -> Response:
        found = await client.get_status_by(runtime_status=list(RUNNING))
        sagas = [_view(status) for status in found if request.caller.sees(_tenant(status))]
        sagas.sort(key=lambda saga: (not _parked(saga), saga.id))
        return Response(200, SagaList(tuple(sagas)))

    return await serve(req, LIST_SAGAS, endpoint)


@bp.route(route=DECIDE_SAGA.path, methods=[DECIDE_SAGA.method])
@bp.durable_client_input(client_name="client")
async def http_decide_saga(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Tell a parked saga how to go on; Conflict for one that is not parked."""

    async def endpoint(request: Request) -> Response:
        decision = decode_json(request, Decision)
        saga = _view(await _found(client, request))
        if not _parked(saga):
            raise Conflict("This saga is not parked.", code="saga-not-parked")
        await client.raise_event(saga.id, OPERATOR_EVENT, {"action": decision.action, "step": saga.progress["step"]})
        return Response(202, saga)

    return await serve(req, DECIDE_SAGA, endpoint)


async def _found(client: Any, request: Request) -> Any:
    """The saga that the path names, if it is one of a tenant that the caller sees."""
    status = await client.get_status(request.params["saga_id"], show_input=True)
    if status is None or status.runtime_status is None or not request.caller.sees(_tenant(status)):
        raise NotFound("There is no such saga.")
    return status


def _tenant(status: Any) -> str:
    """The tenant of the event that started a saga; empty where there is none, so that it is no single tenant's."""
    started_by = status.input_
    return str(started_by.get("tenantid", "")) if isinstance(started_by, dict) else ""


def _view(status: Any) -> SagaView:
    return SagaView(
        id=status.instance_id,
        saga=status.name,
        status=status.runtime_status.name,
        progress=status.custom_status,
        started_at=_utc(status.created_time),
        updated_at=_utc(status.last_updated_time),
    )


def _utc(moment: datetime | None) -> datetime | None:
    """The engine's times are in UTC and do not say so."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _parked(saga: SagaView) -> bool:
    return isinstance(saga.progress, dict) and saga.progress.get("state") == "parked"
