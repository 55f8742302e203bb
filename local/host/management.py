"""Durable Functions' HTTP management API.

learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from aiohttp import web

from local.durable.wire import helpers, pb, service
from local.host.http import Endpoint, Handler
from local.host.instances import FINISHED, NAMES, chosen, shown
from local.host.links import ROOT, DurableLinks
from local.host.pump import ENDLESS_MESSAGES

ANSWERS = {
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.FAILED_PRECONDITION: 410,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class Management:
    """The endpoints, each a call or two to the engine."""

    def __init__(self, address: str, links: DurableLinks, orchestrators: set[str]) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=ENDLESS_MESSAGES)
        self._engine = service.TaskHubSidecarServiceStub(self._channel)
        self._links = links
        self._orchestrators = orchestrators

    def endpoints(self) -> list[Endpoint]:
        """All of them."""
        instance = ROOT + "/instances/{instance}"
        text = helpers.get_string_value
        engine = self._engine

        def order(call: Any, message: Any, field: str = "reason") -> Handler:
            def request(http: web.Request) -> Any:
                fields = {field: text(http.query.get("reason", ""))}
                return call(message(instanceId=http.match_info["instance"], **fields))

            return self._on_running(request)

        endpoints = [
            ("POST", ROOT + "/orchestrators/{function}", self._start),
            ("POST", ROOT + "/orchestrators/{function}/{instance}", self._start),
            ("GET", ROOT + "/instances{slash:/?}", self._query),
            ("DELETE", ROOT + "/instances{slash:/?}", self._purge_many),
            ("GET", instance, self._status),
            ("DELETE", instance, self._purge),
            ("POST", instance + "/raiseEvent/{event}", self._raise_event),
            ("POST", instance + "/terminate", order(engine.TerminateInstance, pb.TerminateRequest, "output")),
            ("POST", instance + "/suspend", order(engine.SuspendInstance, pb.SuspendRequest)),
            ("POST", instance + "/resume", order(engine.ResumeInstance, pb.ResumeRequest)),
            ("POST", instance + "/rewind", self._rewind),
            ("POST", instance + "/restart", self._restart),
            ("GET", ROOT + "/entities/{name}/{key}", self._entity),
            ("POST", ROOT + "/entities/{name}/{key}", self._signal),
        ]
        return [(method, path, _explained(handler)) for method, path, handler in endpoints]

    async def _state(self, instance: str) -> Any | None:
        found = await self._engine.GetInstance(pb.GetInstanceRequest(instanceId=instance, getInputsAndOutputs=True))
        return found.orchestrationState if found.exists else None

    def _on_running(self, request: Callable[[web.Request], Awaitable[Any]]) -> Handler:
        """202 for an order to an instance that runs, 404 for one that is not there, 410 for one that has ended."""

        async def handler(http: web.Request) -> web.StreamResponse:
            state = await self._state(http.match_info["instance"])
            if state is None or NAMES[state.orchestrationStatus] in FINISHED:
                return web.Response(status=410 if state else 404)
            await request(http)
            return web.Response(status=202)

        return handler

    async def _start(self, http: web.Request) -> web.StreamResponse:
        name = http.match_info["function"]
        if name.lower() not in self._orchestrators:
            return _refused(
                400, f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."
            )
        given = await _json(http)
        instance = http.match_info.get("instance") or uuid.uuid4().hex
        request = pb.CreateInstanceRequest(instanceId=instance, name=name, input=helpers.get_string_value(given))
        await self._engine.StartInstance(request)
        return self._accepted(instance)

    def _accepted(self, instance: str) -> web.Response:
        payload = self._links.payload(instance)
        headers = {"Location": payload["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(payload, status=202, headers=headers)

    async def _status(self, http: web.Request) -> web.StreamResponse:
        state = await self._state(http.match_info["instance"])
        if state is None:
            return web.Response(status=404)
        if http.query.get("showHistory", "false").lower() == "true":
            return _refused(501, "The local host does not show histories; ask the engine with a client.")
        status = shown(state, http.query.get("showInput", "true").lower() != "false")
        if status["runtimeStatus"] not in FINISHED:
            headers = {"Location": self._links.payload(state.instanceId)["statusQueryGetUri"], "Retry-After": "10"}
            return web.json_response(status, status=202, headers=headers)
        failed = status["runtimeStatus"] == "Failed" and _flag(http, "returnInternalServerErrorOnFailure")
        return web.json_response(status, status=500 if failed else 200)

    async def _query(self, http: web.Request) -> web.StreamResponse:
        query = pb.InstanceQuery(
            **chosen(http.query),
            maxInstanceCount=int(http.query.get("top", 100)),
            instanceIdPrefix=helpers.get_string_value(http.query.get("instanceIdPrefix")),
            continuationToken=helpers.get_string_value(http.headers.get("x-ms-continuation-token") or None),
            fetchInputsAndOutputs=True,
        )
        found = await self._engine.QueryInstances(pb.QueryInstancesRequest(query=query))
        rows = [shown(state, _flag(http, "showInput")) for state in found.orchestrationState]
        return web.json_response(rows, headers={"x-ms-continuation-token": found.continuationToken.value})

    async def _purge(self, http: web.Request) -> web.StreamResponse:
        return await self._purged(pb.PurgeInstancesRequest(instanceId=http.match_info["instance"]))

    async def _purge_many(self, http: web.Request) -> web.StreamResponse:
        which = pb.PurgeInstanceFilter(**chosen(http.query))
        return await self._purged(pb.PurgeInstancesRequest(purgeInstanceFilter=which))

    async def _purged(self, request: Any) -> web.Response:
        count = (await self._engine.PurgeInstances(request)).deletedInstanceCount
        return web.json_response({"instancesDeleted": count}) if count else web.Response(status=404)

    async def _raise_event(self, http: web.Request) -> web.StreamResponse:
        given = helpers.get_string_value(await _json(http))
        event = pb.RaiseEventRequest(instanceId=http.match_info["instance"], name=http.match_info["event"], input=given)
        return await self._on_running(lambda _: self._engine.RaiseEvent(event))(http)

    async def _rewind(self, http: web.Request) -> web.StreamResponse:
        state = await self._state(http.match_info["instance"])
        if state is None or NAMES[state.orchestrationStatus] != "Failed":
            return web.Response(status=410 if state else 404)
        reason = helpers.get_string_value(http.query.get("reason", ""))
        await self._engine.RewindInstance(pb.RewindInstanceRequest(instanceId=state.instanceId, reason=reason))
        return web.Response(status=202)

    async def _restart(self, http: web.Request) -> web.StreamResponse:
        if await self._state(http.match_info["instance"]) is None:
            return web.Response(status=404)
        fresh = http.query.get("restartWithNewInstanceId", "true").lower() != "false"
        request = pb.RestartInstanceRequest(instanceId=http.match_info["instance"], restartWithNewInstanceId=fresh)
        return self._accepted((await self._engine.RestartInstance(request)).instanceId)

    async def _entity(self, http: web.Request) -> web.StreamResponse:
        request = pb.GetEntityRequest(instanceId=_entity_id(http), includeState=True)
        found = await self._engine.GetEntity(request)
        if not found.exists:
            return web.Response(status=404)
        return web.json_response(text=found.entity.serializedState.value or "null")

    async def _signal(self, http: web.Request) -> web.StreamResponse:
        given = helpers.get_string_value(await _json(http))
        request = pb.SignalEntityRequest(
            instanceId=_entity_id(http), name=http.query.get("op", ""), input=given, requestId=str(uuid.uuid4())
        )
        await self._engine.SignalEntity(request)
        return web.Response(status=202)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the connection to the engine until `stop`."""
        await stop.wait()
        await self._channel.close(grace=5)


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


def _entity_id(http: web.Request) -> str:
    return f"@{http.match_info['name'].lower()}@{http.match_info['key']}"


def _flag(http: web.Request, name: str) -> bool:
    return http.query.get(name, "false").lower() == "true"


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"Message": message, "ExceptionMessage": message}, status=status)


async def _json(http: web.Request) -> str | None:
    """The body, checked to be JSON; None for none."""
    body = await http.text()
    if body:
        json.loads(body)
    return body or None
