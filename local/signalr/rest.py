"""The data-plane REST API, version 2022-06-01.

learn.microsoft.com/azure/azure-signalr/swagger/signalr-data-plane-rest-v20220601
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local.signalr.connection import Connection
from local.signalr.hub import Hub
from local.signalr.service import Service
from local.signalr.tokens import check_call, client_token

LARGEST = 1024 * 1024  # bytes of a body
HUB = re.compile(r"[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}")
VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?")
CONNECTION, USER, GROUP = "/connections/{connection}", "/users/{user}", "/groups/{group}"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """Calls of the app. Users and groups need not exist: who is not there is not reached."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._calls: list[float] = []

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be registered once. aiohttp answers HEAD where it answers GET."""
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/:generateToken", self._generate_token),
            *(("POST", f"{whom}/:send", self._send) for whom in ("", CONNECTION, USER, GROUP)),
            *(("POST", f"{whom}/:closeConnections", self._close) for whom in ("", USER, GROUP)),
            ("DELETE", CONNECTION, self._close),
            *(("GET", whom, self._exists) for whom in (CONNECTION, USER, GROUP)),
            *(("DELETE", f"{whom}/groups", self._leave) for whom in (CONNECTION, USER)),
        ]
        for pair in (CONNECTION + GROUP, GROUP + CONNECTION, USER + GROUP, GROUP + USER):
            table += [("PUT", pair, self._join), ("DELETE", pair, self._leave)]
        table += [("GET", pair, self._is_member) for pair in (USER + GROUP, GROUP + USER)]
        routes = [web.route(method, f"/api/hubs/{{hub}}{path}", self._guarded(serve)) for method, path, serve in table]
        return [web.get("/api/health", _healthy), *routes, web.route("*", "/api/{path:.*}", self._guarded(_unknown))]

    def _guarded(self, handler: Handler) -> Handler:
        """Serve whoever may call, asks for what can be, and does not ask too often."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                check_call(request, self._service.endpoint)
            except web.HTTPUnauthorized as error:
                raise Failure(401, "Error.Unauthorized", str(error.text), **{"WWW-Authenticate": "Bearer"}) from None
            if not VERSION.fullmatch(request.query.get("api-version", "")):
                raise Failure(400, "Error.ApiVersion.Invalid", "The query needs an 'api-version' such as 2022-06-01.")
            if not HUB.fullmatch(request.match_info.get("hub", "none")):
                raise Failure(400, "Error.Hub.Invalid", "That is no hub's name.")
            group = request.match_info.get("group", "none")
            if not group.strip() or len(group) > 1024:
                raise Failure(400, "Error.Group.Invalid", "A group's name has 1 to 1,024 characters.")
            self._throttle()
            return await handler(request)

        return guarded

    def _throttle(self) -> None:
        limit, now = self._service.switches.calls_per_second, time.monotonic()
        if limit:
            self._calls = [each for each in self._calls if now - each < 1]
            if len(self._calls) >= limit:
                raise Failure(429, "Error.TooManyRequests", "Too many calls.", **{"Retry-After": "1"})
            self._calls.append(now)

    def _hub(self, request: web.Request) -> Hub:
        return self._service.hub(_hub_name(request))

    def _reached(self, request: web.Request) -> list[Connection]:
        """The connections that a call speaks of: one, a user's, a group's, or all; without those it excludes."""
        hub, where, excluded = self._hub(request), request.match_info, request.query.getall("excluded", [])
        if "user" in where:
            found = hub.of_user(where["user"])
        elif "group" in where and "connection" not in where:
            found = hub.of_group(where["group"])
        else:
            found = [each for each in hub.connections.values() if where.get("connection", each.id) == each.id]
        return [connection for connection in found if connection.id not in excluded]

    async def _send(self, request: web.Request) -> web.Response:
        body = await _body(request)
        target, arguments = body.get("target"), body.get("arguments") or []
        if not isinstance(target, str) or not target or not isinstance(arguments, list):
            raise Failure(400, "Error.Message.Invalid", "The body needs a 'target' and a list of 'arguments'.")
        delivered = self._service.push(self._reached(request), target, arguments)
        return web.Response(status=202, headers={"X-Local-Delivered": str(delivered)})

    async def _close(self, request: web.Request) -> web.Response:
        for connection in self._reached(request):
            connection.close(request.query.get("reason"))
        return web.Response(status=200 if request.method == "DELETE" else 204)

    async def _exists(self, request: web.Request) -> web.Response:
        if self._reached(request):
            return web.Response()
        [kind] = request.match_info.keys() - {"hub"}
        raise Failure(404, f"Warning.{kind.capitalize()}.NotExisted", "Nobody is connected there.")

    async def _join(self, request: web.Request) -> web.Response:
        where, ttl = request.match_info, request.query.get("ttl")
        if ttl is not None and not ttl.isdecimal():
            raise Failure(400, "Error.Ttl.Invalid", "'ttl' is a number of seconds.")
        if "user" in where:
            self._hub(request).join(where["user"], where["group"], None if ttl is None else int(ttl))
        elif not (found := self._reached(request)):
            raise Failure(404, "Error.Connection.NotExisted", "There is no such connection.")
        else:
            found[0].groups.add(where["group"])
        return web.Response()

    async def _leave(self, request: web.Request) -> web.Response:
        """Out of a group, or out of all: a connection, or a user with all connections."""
        where, group = request.match_info, request.match_info.get("group")
        for connection in self._reached(request):
            connection.groups -= {group} if group else set(connection.groups)
        if "user" not in where:
            return web.Response()
        self._hub(request).leave(where["user"], group)
        return web.Response(status=204)

    async def _is_member(self, request: web.Request) -> web.Response:
        if request.match_info["user"] not in self._hub(request).users(request.match_info["group"]):
            raise Failure(404, "Info.User.NotInGroup", "The user is not in the group.")
        return web.Response()

    async def _generate_token(self, request: web.Request) -> web.Response:
        minutes = request.query.get("minutesToExpire", "5")
        if not minutes.isdecimal() or int(minutes) == 0:
            raise Failure(400, "Error.MinutesToExpire.Invalid", "'minutesToExpire' is a number of minutes.")
        hub, user = _hub_name(request).lower(), request.query.get("userId", "")
        return web.json_response({"token": client_token(self._service.endpoint, hub, user, int(minutes))})


def _hub_name(request: web.Request) -> str:
    application, hub = request.query.get("application", ""), request.match_info["hub"]
    return f"{application}_{hub}" if application else hub


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response()


async def _unknown(request: web.Request) -> web.Response:
    raise Failure(404, "Error.NotFound", f"{request.method} {request.path} is not part of this service.")


async def _body(request: web.Request) -> dict[str, Any]:
    """The body's members, their names in lower case: the vendor's SDKs write `Target`."""
    try:
        return {str(name).lower(): value for name, value in (await request.json()).items()}
    except web.HTTPRequestEntityTooLarge:
        raise Failure(413, "Error.Message.TooLarge", "A message has at most 1 MB.") from None
    except (ValueError, RecursionError, AttributeError):
        raise Failure(400, "Error.Message.Invalid", "The body is not a JSON object.") from None


class Failure(web.HTTPException):
    """An error of the data plane: `{code, message}`, the code also in a header."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        self.status_code = status
        super().__init__(
            headers={"x-ms-error-code": code, **headers},
            text=json.dumps({"code": code, "message": message}),
            content_type="application/json",
        )
