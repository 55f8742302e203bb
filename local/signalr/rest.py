"""The data plane: learn.microsoft.com/azure/azure-signalr/swagger/signalr-data-plane-rest-v20220601."""

import re
import time
from typing import Any

from aiohttp import web

from local.signalr.service import A_YEAR, SERVICE
from local.signalr.tokens import Failure, check, client_token

PARAMETERS = (  # in paths and queries: name, in error codes, and what it is, as an expression and in words
    ("api-version", "ApiVersion", r"\d{4}-\d\d-\d\d(-preview)?", "The query needs an 'api-version': 2022-06-01."),
    ("hub", "Hub", r"[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}", "That is no hub's name."),
    ("groups", "Group", r"(?s)(?=.*\S).{1,1024}", "A group's name has 1 to 1,024 characters."),
    ("ttl", "Ttl", r"\d+", "'ttl' is a number of seconds."),
    ("minutesToExpire", "MinutesToExpire", r"\d*[1-9]\d*", "'minutesToExpire' is a number of minutes."),
)


async def serve(request: web.Request) -> web.Response:
    """Serve whoever may call, asks for what can be, and does not ask too often. Raises Failure."""
    service = request.app[SERVICE]
    check(request, service.endpoint, request.raw_path, request.raw_path.partition("?")[0])
    _root, _api, _hubs, hub, *path = request.rel_url.parts
    action = path.pop() if len(path) % 2 else ""
    where = dict(zip(path[::2], path[1::2], strict=True))  # names by kind, such as "users"
    given = {"api-version": "", **request.query, "hub": hub, **where}
    for name, code, expression, sentence in PARAMETERS:
        if name in given and not re.fullmatch(expression, given[name]):
            raise Failure(400, f"Error.{code}.Invalid", sentence)
    calls, limit = service.calls, int(service.switches.calls_per_second)
    if len(calls) >= limit > 0 and time.monotonic() - calls[-limit] < 1:
        raise Failure(429, "Error.TooManyRequests", "Too many calls.", **{"Retry-After": "1"})
    calls.append(time.monotonic())
    if application := request.query.get("application"):
        hub = f"{application}_{hub}"
    return await _answer(request, hub.lower(), where, " ".join(sorted(path[::2])), action)


async def _answer(request: web.Request, hub: str, where: dict[str, str], kinds: str, action: str) -> web.Response:
    """Carry out a call. Users and groups need not exist: who is not there is not reached."""
    service, query = request.app[SERVICE], request.query
    user, group = where.get("users"), where.get("groups")
    reached = service.reached(hub, where, query.getall("excluded", []))
    match request.method, kinds, action:
        case "POST", "", ":generateToken":
            user, minutes = query.get("userId", ""), int(query.get("minutesToExpire", "5"))
            return web.json_response({"token": client_token(service.endpoint, hub, user, minutes)})
        case "POST", "" | "connections" | "groups" | "users", ":send":
            service.push(reached, *await _message(request))
            return web.Response(status=202, headers={"X-Local-Delivered": str(len(reached))})
        case ("POST", "" | "groups" | "users", ":closeConnections") | ("DELETE", "connections", ""):
            for each in reached:
                each.close(query.get("reason"))
            return web.Response(status=204 if action else 200)
        case "GET" | "HEAD", "connections" | "groups" | "users", "":
            if not reached:
                raise Failure(404, f"Warning.{kinds[:-1].title()}.NotExisted", "Nobody is connected there.")
        case "GET" | "HEAD", "groups users", "":
            if user not in service.users(hub, where["groups"]):
                raise Failure(404, "Info.User.NotInGroup", "The user is not in the group.")
        case "PUT", "connections groups" | "groups users", "":
            if not user and not reached:
                raise Failure(404, "Error.Connection.NotExisted", "There is no such connection.")
            service.join(hub, user, where["groups"], reached, float(query.get("ttl", A_YEAR)))
        case ("DELETE", "connections groups" | "groups users", "") | ("DELETE", "connections" | "users", "groups"):
            service.leave(hub, user, group, reached)
            return web.Response(status=204 if user else 200)
        case _:
            raise Failure(404, "Error.NotFound", f"{request.method} {request.path} is not part of this service.")
    return web.Response()


async def _message(request: web.Request) -> tuple[str, list[Any]]:
    """Target and arguments of a body, by names without case: the vendor's SDKs write `Target`."""
    try:
        members = {str(name).lower(): value for name, value in (await request.json()).items()}
    except web.HTTPRequestEntityTooLarge:
        raise Failure(413, "Error.Message.TooLarge", "A message has at most 1 MB.") from None
    except (ValueError, RecursionError, AttributeError):
        members = {}  # it is no JSON object
    match {"arguments": [], **members}:
        case {"target": str(target), "arguments": list(arguments)} if target:
            return target, arguments
    raise Failure(400, "Error.Message.Invalid", "The body needs a 'target' and a list of 'arguments'.")
