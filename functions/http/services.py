"""For operators: which services there are, and where their instances run."""

from __future__ import annotations

import azure.functions as func

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.gateway.routes.services import DELETE_INSTANCE, LIST_SERVICES, PUT_INSTANCE, PUT_SERVICE

bp = func.Blueprint()


@bp.route(route=LIST_SERVICES.path, methods=[LIST_SERVICES.method])
async def http_list_services(req: func.HttpRequest) -> func.HttpResponse:
    """Look at all services and their instances."""
    return await serve(req, LIST_SERVICES, app().gateway.admin.list_services)


@bp.route(route=PUT_SERVICE.path, methods=[PUT_SERVICE.method])
async def http_put_service(req: func.HttpRequest) -> func.HttpResponse:
    """Say who may call a service and how its callers are split by version."""
    return await serve(req, PUT_SERVICE, app().gateway.admin.put_service)


@bp.route(route=PUT_INSTANCE.path, methods=[PUT_INSTANCE.method])
async def http_put_instance(req: func.HttpRequest) -> func.HttpResponse:
    """Register an instance, or change, weigh or drain it."""
    return await serve(req, PUT_INSTANCE, app().gateway.admin.put_instance)


@bp.route(route=DELETE_INSTANCE.path, methods=[DELETE_INSTANCE.method])
async def http_delete_instance(req: func.HttpRequest) -> func.HttpResponse:
    """Forget an instance."""
    return await serve(req, DELETE_INSTANCE, app().gateway.admin.delete_instance)
