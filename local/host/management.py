"""Durable Functions' HTTP management API, over Microsoft's own client of the engine.

learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import grpc
from aiohttp import web
from aiohttp.typedefs import Handler
from azure.durable_functions import DurableFunctionsClient, DurableOrchestrationStatus, OrchestrationRuntimeStatus
from durabletask.client import OrchestrationQuery, OrchestrationStatus

STATUSES = OrchestrationRuntimeStatus
CONTINUATION = "x-ms-continuation-token"
ENDED = (STATUSES.Completed, STATUSES.Failed, STATUSES.Terminated)
SHOWN = ("name", "instanceId", "runtimeStatus", "input", "customStatus", "output", "createdTime", "lastUpdatedTime")
ANSWERS = {
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.FAILED_PRECONDITION: 410,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class Management:
    """The endpoints."""

    def __init__(self, client: str, orchestrators: set[str]) -> None:
        """`client` is the binding's value; `orchestrators` are the app's, in lower case."""
        self._client = DurableFunctionsClient(client)
        self._orchestrators = orchestrators

    def application(self) -> web.Application:
        """All of it."""
        app, one = web.Application(middlewares=[_explained]), "/instances/{instance}"
        app.router.add_post("/orchestrators/{function}", self._start)
        app.router.add_post("/orchestrators/{function}/{instance}", self._start)
        app.router.add_get("/instances{slash:/?}", self._query)
        app.router.add_delete("/instances{slash:/?}", self._purge)
        app.router.add_get(one, self._status)
        app.router.add_delete(one, self._purge)
        app.router.add_post(one + "/{order:raiseEvent}/{event}", self._order)
        app.router.add_post(one + "/{order:terminate|suspend|resume}", self._order)
        app.router.add_post(one + "/restart", self._restart)
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        return app

    async def _start(self, http: web.Request) -> web.Response:
        name, instance = http.match_info["function"], http.match_info.get("instance")
        if name.lower() not in self._orchestrators:
            return _refused(400, f"'{name}' doesn't exist, is disabled, or is not an orchestrator function.")
        start = self._client.schedule_new_orchestration(name, input=await _json(http), instance_id=instance)
        return self._accepted(await start)

    def _accepted(self, instance: str, body: Any = None) -> web.Response:
        links = self._client.create_http_management_payload(instance_id=instance)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(body or links, status=202, headers=headers)

    async def _found(self, http: web.Request, **options: bool) -> DurableOrchestrationStatus:
        found = await self._client.get_status(http.match_info["instance"], **options)
        if not found:
            raise web.HTTPNotFound(text="")
        return found

    async def _status(self, http: web.Request) -> web.Response:
        found = await self._found(
            http,
            show_input=_flag(http, "showInput", "true"),
            show_history=_flag(http, "showHistory"),
            show_history_output=_flag(http, "showHistoryOutput"),
        )
        if found.runtime_status not in ENDED:
            return self._accepted(http.match_info["instance"], _shown(found))
        failed = found.runtime_status == STATUSES.Failed and _flag(http, "returnInternalServerErrorOnFailure")
        return web.json_response(_shown(found), status=500 if failed else 200)

    async def _query(self, http: web.Request) -> web.Response:
        """A page of instances, the oldest first; the token of the next page is how many came before it."""
        start = int(http.headers.get(CONTINUATION) or 0)
        end = start + int(http.query.get("top", 100))
        if not 0 <= start < end:
            raise ValueError("'top' must be positive")
        prefix, with_input = http.query.get("instanceIdPrefix"), _flag(http, "showInput", "true")
        query = OrchestrationQuery(**_filter(http.query), instance_id_prefix=prefix, fetch_inputs_and_outputs=True)
        found = await self._client.get_all_orchestration_states(query)
        page = [DurableOrchestrationStatus.from_orchestration_state(each, include_input=with_input) for each in found]
        more = {CONTINUATION: str(end) if end < len(found) else ""}
        return web.json_response([_shown(each) for each in page[start:end]], headers=more)

    async def _purge(self, http: web.Request) -> web.Response:
        if instance := http.match_info.get("instance"):
            done = await self._client.purge_orchestration(instance, recursive=False)
        else:
            done = await self._client.purge_orchestrations_by(**_filter(http.query))
        count = done.deleted_instance_count
        return web.json_response({"instancesDeleted": count}) if count else web.Response(status=404)

    async def _order(self, http: web.Request) -> web.Response:
        """Tell an instance something, unless it has ended."""
        given, found = await _json(http), await self._found(http)
        instance, order, event = (http.match_info.get(name, "") for name in ("instance", "order", "event"))
        if found.runtime_status in ENDED:
            return web.Response(status=410)
        client, reason = self._client, http.query.get("reason", "")
        orders = {
            "raiseEvent": partial(client.raise_orchestration_event, instance, event, data=given),
            "terminate": partial(client.terminate_orchestration, instance, output=reason, recursive=False),
            "suspend": partial(client.suspend_orchestration, instance, reason=reason),
            "resume": partial(client.resume_orchestration, instance, reason=reason),
        }
        await orders[order]()
        return web.Response(status=202)

    async def _restart(self, http: web.Request) -> web.Response:
        fresh = _flag(http, "restartWithNewInstanceId", "true")
        again = self._client.restart_orchestration(http.match_info["instance"], restart_with_new_instance_id=fresh)
        return self._accepted(await again)

    async def _unknown(self, http: web.Request) -> web.Response:
        return _refused(501, f"The local host does not do {http.method} {http.path}.")


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the engine or the request does not allow, as an answer that says so."""
    try:
        return await handler(request)
    except (KeyError, ValueError) as error:
        return _refused(400, f"Cannot read the request: {error}")
    except grpc.aio.AioRpcError as error:
        return _refused(ANSWERS.get(error.code(), 500), error.details() or error.code().name)


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"Message": message, "ExceptionMessage": message}, status=status)


def _shown(found: DurableOrchestrationStatus) -> dict[str, Any]:
    """An instance as the API shows it: what it lacks is null."""
    return {**dict.fromkeys(SHOWN), **found.to_json()}


def _filter(query: Mapping[str, str]) -> dict[str, Any]:
    """Which instances a query or a purge is about."""
    statuses, since, before = (query.get(name) for name in ("runtimeStatus", "createdTimeFrom", "createdTimeTo"))
    return {
        "runtime_status": [OrchestrationStatus[name.strip().upper()] for name in (statuses or "").split(",") if name],
        "created_time_from": datetime.fromisoformat(since) if since else None,
        "created_time_to": datetime.fromisoformat(before) if before else None,
    }


async def _json(http: web.Request) -> Any:
    """The body as JSON, None for none."""
    body = await http.text()
    return json.loads(body) if body else None


def _flag(http: web.Request, name: str, default: str = "false") -> bool:
    return http.query.get(name, default).lower() == "true"
