"""SignalR: the output binding, pushed by REST (data plane 2022-06-01), and triggers, which the service posts to.

Shapes: learn.microsoft.com/azure/azure-functions/functions-bindings-signalr-service-output and -trigger; what the
service posts: learn.microsoft.com/azure/azure-signalr/concept-upstream.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

import aiohttp
from aiohttp import web
from yarl import URL

from local.host.indexing import Binding, Function, Refused
from local.host.protos import TypedData
from local.host.worker import InvocationFailed, Worker

LIFETIME = 300  # seconds that the token of one push is valid


def connection(binding: Binding, settings: Mapping[str, str]) -> tuple[str, str]:
    """Address and access key of the service that a binding names. Raises Refused."""
    name = binding.get("connectionStringSetting") or "AzureSignalRConnectionString"
    parts = dict(part.split("=", 1) for part in settings.get(name, "").split(";") if "=" in part)
    if "Endpoint" not in parts or "AccessKey" not in parts:
        raise Refused(f"SignalR: the app setting '{name}' must have an Endpoint and an AccessKey")
    port = f":{parts['Port']}" if "Port" in parts else ""
    return parts["Endpoint"].rstrip("/") + port, parts["AccessKey"]


class Pushes:
    """Carries out what functions put into their outputs."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))

    async def send(self, binding: Binding, data: TypedData) -> None:
        """Carry out one message or group action, or an array of them, in order. Raises InvocationFailed."""
        try:
            given = json.loads(data.string or data.json or data.bytes or "[]")
            for entry in given if isinstance(given, list) else [given]:
                method, path, body = _call({key.lower(): value for key, value in entry.items()})
                await self._send(binding, method, path, body)
        except (Refused, ValueError, KeyError, AttributeError, aiohttp.ClientError, TimeoutError) as error:
            raise InvocationFailed(f"SignalR output: {type(error).__name__}: {error}") from error

    async def _send(self, binding: Binding, method: str, path: str, body: Any) -> None:
        import jwt  # a quarter of a second's import, which an app without SignalR does not need

        endpoint, key = connection(binding, self._settings)
        url = f"{endpoint}/api/hubs/{binding['hubName'].lower()}{path}?api-version=2022-06-01"
        now = int(time.time())
        token = jwt.encode({"aud": url, "iat": now, "exp": now + LIFETIME}, key, "HS256")
        headers = {"Authorization": f"Bearer {token}"}
        async with self._http.request(method, URL(url, encoded=True), json=body, headers=headers) as answer:
            # A connection that is gone cannot join a group, and need not.
            if answer.status >= 400 and (answer.status, method) != (404, "PUT"):
                raise ValueError(f"{method} {url} was answered {answer.status} {await answer.text()}")

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()


def _call(entry: Mapping[str, Any]) -> tuple[str, str, Any]:
    """One entry as method, path below the hub, and body; an object with a target is a message, else a group action."""
    one, user, group = (quote(entry.get(name) or "", safe="") for name in ("connectionid", "userid", "groupname"))
    member = f"/connections/{one}" if one else f"/users/{user}" if user else ""
    if entry.get("target") and "arguments" in entry:
        to = member or (f"/groups/{group}" if group else "")
        return "POST", f"{to}/:send", {"target": entry["target"], "arguments": entry["arguments"]}
    action = entry["action"].lower()
    if action == "removeall" and user:
        return "DELETE", f"/users/{user}/groups", None
    if action in ("add", "remove") and group and member:
        return "PUT" if action == "add" else "DELETE", f"/groups/{group}{member}", None
    raise ValueError(f"a group action needs add or remove, a groupName, and a connectionId or userId: {dict(entry)}")


def upstream(functions: Iterable[Function], worker: Worker, settings: Mapping[str, str]) -> web.Application:
    """The one address that the service knows: runs a function for each event that one declares. Raises Refused."""
    known: dict[tuple[str, ...], tuple[Function, str]] = {}
    for function in functions:
        hub, category, event = (function.trigger[name].lower() for name in ("hubName", "category", "event"))
        if category != "connections":  # no client calls hub methods
            raise Refused(f"Function '{function.name}': the local host does not know events of '{category}'")
        known[hub, category, event] = (function, connection(function.trigger, settings)[1])

    async def happened(http: web.Request) -> web.Response:
        facts = {name.title().removeprefix("X-Asrs-"): value for name, value in http.headers.items()}
        key = tuple(facts.get(name, "").lower() for name in ("Hub", "Category", "Event"))
        function, secret = known.get(key, (None, ""))
        if function is None:
            return web.Response(status=404)
        digest = hmac.new(secret.encode(), facts.get("Connection-Id", "").encode(), hashlib.sha256).hexdigest()
        given = facts.get("Signature", "").split(",")
        if not any(hmac.compare_digest(each.encode(), f"sha256={digest}".encode()) for each in given):
            return web.Response(status=401)
        context = json.dumps(_context(facts, http, await http.read()))
        try:
            await worker.run(function, TypedData(string=context))
        except InvocationFailed:
            return web.Response(status=403 if key[2] == "connected" else 500)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("", happened)
    return app


def _context(facts: Mapping[str, str], http: web.Request, body: bytes) -> dict[str, Any]:
    """The trigger's value, as the extension writes it."""
    claims = [claim.partition(": ") for claim in facts.get("User-Claims", "").split(",") if claim.strip()]
    return {
        "Arguments": None,
        "Error": json.loads(body or b"{}").get("error"),
        **{name: facts[name] for name in ("Category", "Event", "Hub")},
        "ConnectionId": facts.get("Connection-Id"),
        "UserId": facts.get("User-Id"),
        "Headers": dict(http.headers),
        "Query": dict(parse_qsl(facts.get("Client-Query", "").removeprefix("?"))),
        "Claims": {name.strip(): value for name, _, value in reversed(claims)},  # of equal names the first
    }
