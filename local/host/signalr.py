"""The SignalR bindings: what goes in is a connection's address and token, what comes out is pushed by REST.

Shapes: learn.microsoft.com/azure/azure-functions/functions-bindings-signalr-service; REST: data plane 2022-06-01.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from local.host.indexing import Binding, Refused

API_VERSION = "2022-06-01"
LIFETIME = 3600  # seconds that a client's token is valid


class PushFailed(Exception):
    """What a function put into its `signalR` output is not a message, or the service did not take it."""


@dataclass(frozen=True)
class Connection:
    """A SignalR Service by its connection string."""

    endpoint: str
    access_key: str

    @classmethod
    def of(cls, function: str, binding: Binding, settings: Mapping[str, str]) -> Self:
        """Read the app setting that the binding names. Raises Refused."""
        name = binding.get("connectionStringSetting") or "AzureSignalRConnectionString"
        parts = dict(part.split("=", 1) for part in settings.get(name, "").split(";") if "=" in part)
        if "Endpoint" not in parts or "AccessKey" not in parts:
            raise Refused(f"Function '{function}': the app setting '{name}' must have an Endpoint and an AccessKey")
        port = f":{parts['Port']}" if "Port" in parts else ""
        return cls(parts["Endpoint"].rstrip("/") + port, parts["AccessKey"])

    def token(self, audience: str, lifetime: int, **claims: str) -> str:
        """A token signed with the access key."""
        import jwt  # a quarter of a second's import, which an app without SignalR does not need

        now = int(time.time())
        return jwt.encode({"aud": audience, "iat": now, "exp": now + lifetime, **claims}, self.access_key, "HS256")

    def client(self, hub: str, user: str) -> str:
        """The value of `signalRConnectionInfo`: `{"url", "accessToken"}` as JSON."""
        url = f"{self.endpoint}/client/?hub={hub.lower()}"
        claims = {"nameid": user} if user else {}
        return json.dumps({"url": url, "accessToken": self.token(url, LIFETIME, **claims)})


class Pushes:
    """Carries out what functions put into their `signalR` outputs."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None

    async def send(self, connection: Connection, hub: str, text: str) -> None:
        """Carry out one message or group action, or an array of them, in order. Raises PushFailed."""
        try:
            given = json.loads(text)
            for entry in given if isinstance(given, list) else [given]:
                method, path, body = _call({key.lower(): value for key, value in entry.items()})
                url = f"{connection.endpoint}/api/hubs/{hub.lower()}{path}?api-version={API_VERSION}"
                await self._send(connection, method, url, body)
        except (ValueError, KeyError, AttributeError, aiohttp.ClientError, TimeoutError) as error:
            raise PushFailed(f"SignalR output: {type(error).__name__}: {error}") from error

    async def _send(self, connection: Connection, method: str, url: str, body: Any) -> None:
        headers = {"Authorization": f"Bearer {connection.token(url, 300)}"}
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        async with self._http.request(method, URL(url, encoded=True), json=body, headers=headers) as answer:
            gone = answer.status == 404 and method == "PUT"  # a connection that is gone cannot join, and need not
            if answer.status >= 400 and not gone:
                raise PushFailed(f"SignalR output: {method} {url} was answered {answer.status} {await answer.text()}")

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._http is not None:
            await self._http.close()


def _call(entry: Mapping[str, Any]) -> tuple[str, str, Any]:
    """One entry as method, path below the hub, and body; an object with a target is a message, else a group action."""
    connection, user, group = (
        quote(entry.get(name) or "", safe="") for name in ("connectionid", "userid", "groupname")
    )
    member = f"/connections/{connection}" if connection else f"/users/{user}" if user else ""
    if entry.get("target") and "arguments" in entry:
        to = member or (f"/groups/{group}" if group else "")
        return "POST", f"{to}/:send", {"target": entry["target"], "arguments": entry["arguments"]}
    action = entry["action"].lower()
    if action == "removeall" and user:
        return "DELETE", f"/users/{user}/groups", None
    if action in ("add", "remove") and group and member:
        return "PUT" if action == "add" else "DELETE", f"/groups/{group}{member}", None
    raise ValueError(f"a group action needs add or remove, a groupName, and a connectionId or userId: {dict(entry)}")
