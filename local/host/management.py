"""Durable Functions' HTTP management API over Microsoft's own client; and the links that lead to it.

learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import grpc
from aiohttp import web
from azure.durable_functions import DurableOrchestrationStatus, OrchestrationRuntimeStatus
from azure.durable_functions.http.http_management_payload import HttpManagementPayload
from azure.durable_functions.internal.compat.history_projection import project_history
from azure.durable_functions.internal.compat.orchestration_runtime_status import to_durabletask_status
from durabletask.client import AsyncTaskHubGrpcClient, OrchestrationQuery, OrchestrationState, OrchestrationStatus
from durabletask.entities import EntityInstanceId

from local.host.http import Endpoint, Handler

ROOT = "/runtime/webhooks/durabletask"
ONE = "/instances/{instance}"
ENTITY = "/entities/{name}/{key}"
ENDED = (OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED)
SHOWN = ("name", "instanceId", "runtimeStatus", "input", "customStatus", "output", "createdTime", "lastUpdatedTime")
ANSWERS = {
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.FAILED_PRECONDITION: 410,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class DurableLinks:
    """Where instances are managed, as clients are told it."""

    def __init__(self, origin: str, hub: str) -> None:
        self._base, self._query = origin + ROOT, f"taskHub={hub}&connection=Storage"
        self._hub = {"taskHubName": hub, "connectionName": "Storage", "requiredQueryStringParameters": self._query}

    def of(self, instance: str) -> dict[str, str]:
        """The management URLs of an instance."""
        return dict(HttpManagementPayload(instance, f"{self._base}/instances/{instance}", self._query))

    def client(self, address: str) -> str:
        """The value of a `durableClient` binding: JSON that names the engine (`host:port`) and this API."""
        here = {"managementUrls": self.of("INSTANCEID"), "baseUrl": self._base, "httpBaseUrl": self._base}
        return json.dumps(self._hub | here | {"rpcBaseUrl": address})


class Management:
    """The endpoints."""

    def __init__(self, channel: grpc.aio.Channel, links: DurableLinks, orchestrators: set[str]) -> None:
        """`channel` leads to the engine; `orchestrators` are the app's, in lower case."""
        quiet = logging.getLogger("durabletask")
        quiet.setLevel(logging.WARNING)
        self._client = AsyncTaskHubGrpcClient(channel=channel, logger=quiet, emit_trace_spans=False)
        self._links = links
        self._orchestrators = orchestrators

    def endpoints(self) -> list[Endpoint]:
        """All of them."""
        calls: list[Endpoint] = [
            ("POST", "/orchestrators/{function}", self._start),
            ("POST", "/orchestrators/{function}/{instance}", self._start),
            ("GET", "/instances{slash:/?}", self._query),
            ("DELETE", "/instances{slash:/?}", self._purge),
            ("GET", ONE, self._status),
            ("DELETE", ONE, self._purge),
            ("POST", ONE + "/raiseEvent/{event}", self._raise_event),
            ("POST", ONE + "/{order:terminate|suspend|resume|rewind}", self._order),
            ("POST", ONE + "/restart", self._restart),
            ("GET", ENTITY, self._entity),
            ("POST", ENTITY, self._signal),
            ("*", "/{rest:.*}", self._unknown),
        ]
        return [(method, ROOT + path, _explained(call)) for method, path, call in calls]

    async def _start(self, http: web.Request) -> web.Response:
        name, instance = http.match_info["function"], http.match_info.get("instance")
        if name.lower() not in self._orchestrators:
            return _refused(400, f"'{name}' doesn't exist, is disabled, or is not an orchestrator function.")
        start = self._client.schedule_new_orchestration(name, input=await _json(http), instance_id=instance)
        return self._accepted(await start)

    def _accepted(self, instance: str, body: Any = None) -> web.Response:
        links = self._links.of(instance)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(body or links, status=202, headers=headers)

    async def _state(self, http: web.Request) -> OrchestrationState:
        state = await self._client.get_orchestration_state(http.match_info["instance"])
        if state is None:
            raise web.HTTPNotFound(text="")
        return state

    async def _status(self, http: web.Request) -> web.Response:
        state, with_input = await self._state(http), _flag(http, "showInput", "true")
        history = None
        if _flag(http, "showHistory"):
            events = await self._client.get_orchestration_history(state.instance_id)
            with_output = _flag(http, "showHistoryOutput")
            history = project_history(events, show_input=with_input, show_history_output=with_output)
        shown = _shown(state, with_input, history)
        if state.runtime_status not in ENDED:
            return self._accepted(state.instance_id, shown)
        failed = state.failure_details and _flag(http, "returnInternalServerErrorOnFailure")
        return web.json_response(shown, status=500 if failed else 200)

    async def _query(self, http: web.Request) -> web.Response:
        prefix = http.query.get("instanceIdPrefix")
        query = OrchestrationQuery(**_filter(http.query), instance_id_prefix=prefix, fetch_inputs_and_outputs=True)
        first = int(http.headers.get("x-ms-continuation-token") or 0)
        end = first + int(http.query.get("top", 100))
        states = await self._client.get_all_orchestration_states(query)
        rows = [_shown(state, _flag(http, "showInput")) for state in states[first:end]]
        return web.json_response(rows, headers={"x-ms-continuation-token": str(end) if end < len(states) else ""})

    async def _purge(self, http: web.Request) -> web.Response:
        if instance := http.match_info.get("instance"):
            done = await self._client.purge_orchestration(instance, recursive=False)
        else:
            done = await self._client.purge_orchestrations_by(**_filter(http.query))
        count = done.deleted_instance_count
        return web.json_response({"instancesDeleted": count}) if count else web.Response(status=404)

    async def _raise_event(self, http: web.Request) -> web.Response:
        given, state = await _json(http), await self._state(http)
        if state.runtime_status in ENDED:
            return web.Response(status=410)
        await self._client.raise_orchestration_event(state.instance_id, http.match_info["event"], data=given)
        return web.Response(status=202)

    async def _order(self, http: web.Request) -> web.Response:
        """A failed instance is rewound, one that runs takes the other orders."""
        order, state, reason = http.match_info["order"], await self._state(http), http.query.get("reason", "")
        failed, ended = state.runtime_status == OrchestrationStatus.FAILED, state.runtime_status in ENDED
        if not failed if order == "rewind" else ended:
            return web.Response(status=410)
        if order == "terminate":
            await self._client.terminate_orchestration(state.instance_id, output=reason, recursive=False)
        else:
            await getattr(self._client, f"{order}_orchestration")(state.instance_id, reason=reason)
        return web.Response(status=202)

    async def _restart(self, http: web.Request) -> web.Response:
        state, fresh = await self._state(http), _flag(http, "restartWithNewInstanceId", "true")
        again = self._client.restart_orchestration(state.instance_id, restart_with_new_instance_id=fresh)
        return self._accepted(await again)

    async def _entity(self, http: web.Request) -> web.Response:
        found = await self._client.get_entity(_entity_id(http))
        return web.json_response(text=found.get_state() or "null") if found else web.Response(status=404)

    async def _signal(self, http: web.Request) -> web.Response:
        await self._client.signal_entity(_entity_id(http), http.query.get("op", ""), await _json(http))
        return web.Response(status=202)

    async def _unknown(self, http: web.Request) -> web.Response:
        return _refused(501, f"The local host does not do {http.method} {http.path}.")


def _explained(handler: Handler) -> Handler:
    """What the engine or the request does not allow, as an answer that says so."""

    async def explained(http: web.Request) -> web.StreamResponse:
        try:
            return await handler(http)
        except (KeyError, ValueError) as error:
            return _refused(400, f"Cannot read the request: {error}")
        except grpc.aio.AioRpcError as error:
            return _refused(ANSWERS.get(error.code(), 500), error.details() or error.code().name)

    return explained


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"Message": message, "ExceptionMessage": message}, status=status)


def _filter(query: Mapping[str, str]) -> dict[str, Any]:
    """Statuses and times of a query or a purge."""
    names = [name.strip() for name in query.get("runtimeStatus", "").split(",") if name]
    return {
        "runtime_status": [to_durabletask_status(OrchestrationRuntimeStatus(name)) for name in names] or None,
        "created_time_from": datetime.fromisoformat(query["createdTimeFrom"]) if query.get("createdTimeFrom") else None,
        "created_time_to": datetime.fromisoformat(query["createdTimeTo"]) if query.get("createdTimeTo") else None,
    }


def _shown(state: OrchestrationState, with_input: bool, history: list[Any] | None = None) -> dict[str, Any]:
    """One instance as the API shows it: what it lacks is null."""
    status = DurableOrchestrationStatus.from_orchestration_state(state, include_input=with_input, history=history)
    return {**dict.fromkeys(SHOWN), **status.to_json()}


async def _json(http: web.Request) -> Any:
    """The body as JSON, None for none."""
    body = await http.text()
    return json.loads(body) if body else None


def _entity_id(http: web.Request) -> EntityInstanceId:
    return EntityInstanceId(http.match_info["name"], http.match_info["key"])


def _flag(http: web.Request, name: str, default: str = "false") -> bool:
    return http.query.get(name, default).lower() == "true"
