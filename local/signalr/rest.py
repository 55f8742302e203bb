"""The data-plane REST API, version 2022-06-01."""

from __future__ import annotations

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
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """Calls of the app. Users and groups need not exist: who is not there is not reached."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._calls: list[float] = []

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be registered once."""
        base = "/api/hubs/{hub}"
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
            ("DELETE", "/users/{user}/groups", self._user_leaves_all),
            ("GET", "/groups/{group}", self._exists),
            ("POST", "/groups/{group}/:send", self._send),
            ("POST", "/groups/{group}/:closeConnections", self._close),
            ("GET", "/groups/{group}/connections", self._members),
        ]
        for pair in ("/groups/{group}/connections/{connection}", "/connections/{connection}/groups/{group}"):
            table += [("PUT", pair, self._join), ("DELETE", pair, self._leave)]
        for pair in ("/users/{user}/groups/{group}", "/groups/{group}/users/{user}"):
            table += [
                ("PUT", pair, self._user_joins),
                ("DELETE", pair, self._user_leaves),
                ("GET", pair, self._user_in_group),
            ]
        guarded = [web.route(method, base + path, self._guarded(handler)) for method, path, handler in table]
        return [web.get("/api/health", _healthy), *guarded]  # aiohttp answers HEAD where it answers GET

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self._authenticate(request)
            if "api-version" not in request.query:
                raise _error(web.HTTPBadRequest, "Error.Api.VersionMissing", "The query has no 'api-version'.")
            if not HUB.fullmatch(request.match_info["hub"]):
                raise _error(web.HTTPBadRequest, "Error.Hub.Invalid", "That is no hub's name.")
            self._throttle()
            return await handler(request)

        return guarded

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise Refused("The call has no bearer token.")
            check_call(token, self._service.endpoint, request.rel_url.raw_path, request.rel_url.raw_query_string)
        except Refused as refused:
            raise _error(web.HTTPUnauthorized, "Error.Unauthorized", str(refused), bearer=True) from None

    def _throttle(self) -> None:
        limit, now = self._service.switches.calls_per_second, time.monotonic()
        if limit:
            self._calls = [each for each in self._calls if now - each < 1]
            if len(self._calls) >= limit:
                raise _error(web.HTTPTooManyRequests, "Error.TooManyRequests", "Too many calls.")
            self._calls.append(now)

    def _hub(self, request: web.Request) -> HubState:
        application = request.query.get("application", "")
        name = request.match_info["hub"].lower()
        return self._service.hubs[f"{application.lower()}_{name}" if application else name]

    def _reached(self, request: web.Request) -> list[Connection]:
        hub, where = self._hub(request), request.match_info
        if connection := where.get("connection"):
            return [hub.connections[connection]] if connection in hub.connections else []
        if user := where.get("user"):
            return hub.of_user(user)
        if group := where.get("group"):
            return hub.of_group(_group(group))
        return list(hub.connections.values())

    async def _send(self, request: web.Request) -> web.Response:
        body = await _body(request)
        members = {str(name).lower(): value for name, value in body.items()}
        target, arguments = members.get("target"), members.get("arguments", [])
        if not isinstance(target, str) or not target or not isinstance(arguments, list):
            raise _error(web.HTTPBadRequest, "Error.Message.Invalid", "The body needs 'target' and 'arguments'.")
        excluded = set(request.query.getall("excluded", []))
        reached = self._service.push(self._reached(request), target, arguments, excluded)
        return web.Response(status=202, headers={"X-Local-Delivered": str(reached)})

    async def _close(self, request: web.Request) -> web.Response:
        excluded = set(request.query.getall("excluded", []))
        for connection in self._reached(request):
            if connection.id not in excluded:
                connection.close(request.query.get("reason"))
        return web.Response(status=200 if request.method == "DELETE" else 204)

    async def _exists(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self._reached(request) else 404)

    async def _members(self, request: web.Request) -> web.Response:
        members = [{"connectionId": each.id, "userId": each.user} for each in self._reached(request)]
        return web.json_response({"value": members})

    async def _join(self, request: web.Request) -> web.Response:
        connection = request.match_info["connection"]
        if connection not in self._hub(request).connections:
            raise _error(web.HTTPNotFound, "Error.Connection.NotExisted", "There is no such connection.")
        self._hub(request).join(connection, _group(request.match_info["group"]))
        return web.Response()

    async def _leave(self, request: web.Request) -> web.Response:
        self._hub(request).leave(request.match_info["connection"], _group(request.match_info["group"]))
        return web.Response()

    async def _leave_all(self, request: web.Request) -> web.Response:
        self._hub(request).leave_all(request.match_info["connection"])
        return web.Response()

    async def _user_joins(self, request: web.Request) -> web.Response:
        ttl = request.query.get("ttl")
        if ttl is not None and not ttl.isdecimal():
            raise _error(web.HTTPBadRequest, "Error.Ttl.Invalid", "'ttl' is a number of seconds.")
        group = _group(request.match_info["group"])
        self._hub(request).join_user(request.match_info["user"], group, None if ttl is None else float(ttl))
        return web.Response()

    async def _user_leaves(self, request: web.Request) -> web.Response:
        self._hub(request).leave_user(request.match_info["user"], [_group(request.match_info["group"])])
        return web.Response()

    async def _user_leaves_all(self, request: web.Request) -> web.Response:
        self._hub(request).leave_user(request.match_info["user"])
        return web.Response()

    async def _user_in_group(self, request: web.Request) -> web.Response:
        there = self._hub(request).user_in_group(request.match_info["user"], _group(request.match_info["group"]))
        return web.Response(status=200 if there else 404)

    async def _generate_token(self, request: web.Request) -> web.Response:
        minutes = request.query.get("minutesToExpire", "5")
        if not minutes.isdecimal() or int(minutes) == 0:
            raise _error(web.HTTPBadRequest, "Error.Expiry.Invalid", "'minutesToExpire' is a number of minutes.")
        hub, user = request.match_info["hub"].lower(), request.query.get("userId", "")
        return web.json_response({"token": client_token(self._service.endpoint, hub, user, int(minutes))})


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response()


async def _body(request: web.Request) -> dict[str, Any]:
    if (request.content_length or 0) > LARGEST:
        raise _error(web.HTTPRequestEntityTooLarge, "Error.Message.TooLarge", "A message has at most 1 MB.")
    try:
        body = await request.json()
    except ValueError:
        raise _error(web.HTTPBadRequest, "Error.Message.Invalid", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise _error(web.HTTPBadRequest, "Error.Message.Invalid", "The body is not a JSON object.")
    return body


def _group(name: str) -> str:
    if not name.strip() or len(name) > 1024:
        raise _error(web.HTTPBadRequest, "Error.Group.Invalid", "A group's name has 1 to 1,024 characters.")
    return name


def _error(kind: type[web.HTTPException], code: str, message: str, *, bearer: bool = False) -> web.HTTPException:
    headers = {"x-ms-error-code": code} | ({"WWW-Authenticate": "Bearer"} if bearer else {})
    options: dict[str, Any] = {"text": f'{{"code":"{code}","message":"{message}"}}', "content_type": "application/json"}
    if kind is web.HTTPRequestEntityTooLarge:
        options |= {"max_size": LARGEST, "actual_size": LARGEST}
    return kind(headers=headers, **options)
