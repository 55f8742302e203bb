"""Who is connected, as whom, in which groups, and what is sent to them; as unkindly as switches ask for."""

import asyncio
import random
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from local.signalr.connection import Connection
from local.signalr.protocol import PING, push

A_YEAR = 365 * 24 * 3600  # seconds that a user's membership without a lifetime holds
# The groups of users outlive every connection, and a killed service.
SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS members (hub TEXT, name TEXT, user TEXT, until REAL, PRIMARY KEY (hub, name, user));
"""


class Switches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How patient the service is with clients, as Azure is, and how unkind, which tests may ask for."""

    handshake: float = 15.0  # seconds for it
    ping: float = 10.0  # seconds between signs of life that a client gets
    silence: float = 30.0  # seconds between those that it gives
    unread: float = 8 * 1024 * 1024  # bytes that may wait for it
    jitter_ms: float = 0.0  # by up to so much pushes are late, in order
    reordering: float = 0.0  # share of pushes (0 to 1) that do not wait for those before them
    calls_per_second: float = 0.0  # of the data plane, up to 1,000; more are answered 429; 0: no limit


class Service:
    """The clients of all hubs, by connection. A hub is there as soon as somebody speaks of it."""

    def __init__(self, endpoint: str, upstream: str, file: str) -> None:
        """Serve at `endpoint`; post events to `upstream`, which may hold {hub}, {category} and {event}."""
        self.endpoint = endpoint
        self.upstream = upstream
        self.http = aiohttp.ClientSession()
        self.connections: dict[str, Connection] = {}
        self.switches = Switches()
        self.database = sqlite3.connect(file, autocommit=True)
        self.database.executescript(SCHEMA)
        self.negotiated: dict[str, str] = {}  # connection token -> connection id
        self.calls: deque[float] = deque(maxlen=1000)  # when the latest of the data plane were let in
        self.clock = time.time
        self._chance = random.Random(20260101)  # noqa: S311 - not a secret: the same unkindness in every run

    def users(self, hub: str, group: str) -> set[str]:
        """The users who are in a group now, connected or not."""
        query = "SELECT user FROM members WHERE hub = ? AND name = ? AND until > ?"
        return {user for (user,) in self.database.execute(query, (hub, group, self.clock()))}

    def join(self, hub: str, user: str | None, group: str, present: list[Connection], ttl: float) -> None:
        """Put a user into a group for `ttl` seconds; present connections alone where there is none or no time."""
        if user and ttl:
            self.database.execute("DELETE FROM members WHERE until <= ?", (self.clock(),))
            membership = (hub, group, user, self.clock() + ttl)
            self.database.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", membership)
        else:
            for connection in present:
                connection.groups.add(group)

    def leave(self, hub: str, user: str | None, group: str | None, present: list[Connection]) -> None:
        """Take connections, and their user where there is one, out of a group, or out of all."""
        for connection in present:
            connection.groups -= {group} if group else set(connection.groups)
        sql = "DELETE FROM members WHERE hub = ? AND user = ? AND name = coalesce(?, name)"
        self.database.execute(sql, (hub, user, group))

    def reached(self, hub: str, where: Mapping[str, str], excluded: Collection[str] = ()) -> list[Connection]:
        """The clients of a hub whom names by kind speak of: all, one, a user's, or those of a group without another."""
        connection, user, group = (where.get(kind) for kind in ("connections", "users", "groups"))
        users = self.users(hub, where["groups"]) if where.keys() == {"groups"} else None
        return [
            each
            for each in self.connections.values()
            if each.hub == hub
            and (user is None or each.user == user)
            and (connection is None or each.id == connection)
            and (users is None or group in each.groups or each.user in users)
            and each.id not in excluded
        ]

    def push(self, connections: list[Connection], target: str, arguments: list[Any]) -> None:
        """Push to these connections, encoded once a protocol; late and out of order where switches ask for it."""
        loop, chance, message = asyncio.get_running_loop(), self._chance.random, push(target, arguments)
        frames = {protocol: protocol.encode(message) for protocol in {each.protocol for each in connections}}
        for connection in connections:
            due = loop.time() + self.switches.jitter_ms * chance() / 1000
            if chance() >= self.switches.reordering:
                due = connection.due = max(due, connection.due + 1e-6)  # a timer a microsecond later fires later
            if due > loop.time():
                loop.call_at(due, connection.send, frames[connection.protocol])
            else:
                connection.send(frames[connection.protocol])

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """Give clients signs of life, until the service ends."""
        pings = asyncio.create_task(self._ping())
        yield
        pings.cancel()
        await self.http.close()
        self.database.close()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self.switches.ping)
            for connection in self.connections.values():
                connection.send(connection.protocol.encode(PING))

    async def say_goodbye(self, _app: web.Application) -> None:
        """Close all connections; their clients will be back."""
        for connection in self.connections.values():
            connection.close(allow_reconnect=True)


SERVICE = web.AppKey("service", Service)
