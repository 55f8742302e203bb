"""The data-plane REST API, version 2022-06-01, and its older form under `/api/v1`.

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
from local.signalr.service import Service
from local.signalr.state import HubState
from local.signalr.tokens import Refused, check_call, client_token

LARGEST = 1024 * 1024  # bytes of a body
HUB = re.compile(r"[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}")
VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?")
OLD = "/api/v1/hubs/"
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
            ("POST", "/:send", self._send),
            ("POST", "/:closeConnections", self._close),
            ("GET", "/connections/{connection}", self._exists),
            ("DELETE", "/connections/{connection}", self._close),
            ("POST", "/connections/{connection}/:send", self._send),
            ("DELETE", "/connections/{connection}/groups", self._leave_all),
            ("GET", "/users/{user}", self._exists),
            ("POST", "/users/{user}/:send", self._send),
            ("POST", "/users/{user}/:closeConnections", self._close),
            ("DELETE", "/users/{user}/groups", self._user_leaves),
            ("GET", "/groups/{group}", self._exists),
            ("POST", "/groups/{group}/:send", self._send),
            ("POST", "/groups/{group}/:closeConnections", self._close),
            ("GET", "/groups/{group}/connections", self._members),
        ]
        for pair in ("/groups/{group}/connections/{connection}", "/connections/{connection}/groups/{group}"):
            table += [("PUT", pair, self._join), ("DELETE", pair, self._leave)]
        for pair in ("/users/{user}/groups/{group}", "/groups/{group}/users/{user}"):
            table.append(("PUT", pair, self._user_joins))
            table.append(("DELETE", pair, self._user_leaves))
            table.append(("GET", pair, self._user_in_group))
        routes = [web.get("/api/health", _healthy)]
        for method, path, handler in table:
            guarded = self._guarded(handler)
            routes.append(web.route(method, f"/api/hubs/{{hub}}{path}", guarded))
            routes.append(web.route(method, f"{OLD}{{hub}}{path.removesuffix('/:send')}", guarded))
        return [*routes, web.route("*", "/api/{path:.*}", self._guarded(_unknown))]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self._authenticate(request)
            if not request.path.startswith(OLD) and not VERSION.fullmatch(request.query.get("api-version", "")):
                raise Failure(400, "Error.ApiVersion.Invalid", "The query needs an 'api-version' such as 2022-06-01.")
            if not HUB.fullmatch(request.match_info.get("hub", "none")):
                raise Failure(400, "Error.Hub.Invalid", "That is no hub's name.")
            if "group" in request.match_info:
                name = request.match_info["group"]
                if not name.strip() or len(name) > 1024:
                    raise Failure(400, "Error.Group.Invalid", "A group's name has 1 to 1,024 characters.")
            self._throttle()
            return await handler(request)

        return guarded

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise Refused("The call has no bearer token.")
            path, _, query = request.raw_path.partition("?")
            check_call(token, self._service.endpoint, path, query)
        except Refused as refused:
            raise Failure(401, "Error.Unauthorized", str(refused), **{"WWW-Authenticate": "Bearer"}) from None

    def _throttle(self) -> None:
        limit, now = self._service.switches.calls_per_second, time.monotonic()
        if limit:
            self._calls = [each for each in self._calls if now - each < 1]
            if len(self._calls) >= limit:
                raise Failure(429, "Error.TooManyRequests", "Too many calls.", **{"Retry-After": "1"})
            self._calls.append(now)

    def _hub_name(self, request: web.Request) -> str:
        application = request.query.get("application", "")
        return f"{application}_{request.match_info['hub']}" if application else request.match_info["hub"]

    def _hub(self, request: web.Request) -> HubState:
        return self._service.hub(self._hub_name(request))

    def _reached(self, request: web.Request) -> list[Connection]:
        """The connections that a call speaks of."""
        hub, where, excluded = self._hub(request), request.match_info, request.query.getall("excluded", [])
        if "connection" in where:
            found = [hub.connections[where["connection"]]] if where["connection"] in hub.connections else []
        elif "user" in where:
            found = hub.of_user(where["user"])
        elif "group" in where:
            found = hub.of_group(where["group"])
        else:
            found = list(hub.connections.values())
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
        kind = next(kind for kind in ("connection", "user", "group") if kind in request.match_info).capitalize()
        raise Failure(404, f"Warning.{kind}.NotExisted", "Nobody is connected there.")

    async def _members(self, request: web.Request) -> web.Response:
        members = [{"connectionId": each.id, "userId": each.user} for each in self._reached(request)]
        return web.json_response({"value": members})

    async def _join(self, request: web.Request) -> web.Response:
        connection = request.match_info["connection"]
        if connection not in self._hub(request).connections:
            raise Failure(404, "Error.Connection.NotExisted", "There is no such connection.")
        self._hub(request).join(connection, request.match_info["group"])
        return web.Response()

    async def _leave(self, request: web.Request) -> web.Response:
        self._hub(request).leave(request.match_info["connection"], request.match_info["group"])
        return web.Response()

    async def _leave_all(self, request: web.Request) -> web.Response:
        self._hub(request).leave_all(request.match_info["connection"])
        return web.Response()

    async def _user_joins(self, request: web.Request) -> web.Response:
        ttl = request.query.get("ttl")
        if ttl is not None and not ttl.isdecimal():
            raise Failure(400, "Error.Ttl.Invalid", "'ttl' is a number of seconds.")
        where = request.match_info
        self._hub(request).join_user(where["user"], where["group"], None if ttl is None else int(ttl))
        return web.Response()

    async def _user_leaves(self, request: web.Request) -> web.Response:
        self._hub(request).leave_user(request.match_info["user"], request.match_info.get("group"))
        return web.Response(status=204)

    async def _user_in_group(self, request: web.Request) -> web.Response:
        if not self._hub(request).memberships.holds(request.match_info["user"], request.match_info["group"]):
            raise Failure(404, "Info.User.NotInGroup", "The user is not in the group.")
        return web.Response()

    async def _generate_token(self, request: web.Request) -> web.Response:
        minutes = request.query.get("minutesToExpire", "5")
        if not minutes.isdecimal() or int(minutes) == 0:
            raise Failure(400, "Error.MinutesToExpire.Invalid", "'minutesToExpire' is a number of minutes.")
        hub, user = self._hub_name(request).lower(), request.query.get("userId", "")
        return web.json_response({"token": client_token(self._service.endpoint, hub, user, int(minutes))})


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response()


async def _unknown(request: web.Request) -> web.Response:
    raise Failure(404, "Error.NotFound", f"{request.method} {request.path} is not part of this service.")


async def _body(request: web.Request) -> dict[str, Any]:
    """The body's members, their names in lower case: the vendor's SDKs write `Target`."""
    try:
        body = await request.json()
    except web.HTTPRequestEntityTooLarge:
        raise Failure(413, "Error.Message.TooLarge", "A message has at most 1 MB.") from None
    except (ValueError, RecursionError):
        raise Failure(400, "Error.Message.Invalid", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Failure(400, "Error.Message.Invalid", "The body is not a JSON object.")
    return {str(name).lower(): value for name, value in body.items()}


class Failure(web.HTTPException):
    """An error of the data plane: `{code, message}`, the code also in a header."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        self.status_code = status
        super().__init__(
            headers={"x-ms-error-code": code, **headers},
            text=json.dumps({"code": code, "message": message}),
            content_type="application/json",
        )
