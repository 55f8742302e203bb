"""The hubs, and what is sent to their clients. Switches make it as unkind as a real network."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local.signalr.connection import Connection, Patience
from local.signalr.hub import Hub
from local.signalr.protocol import Protocol, push
from local.signalr.upstream import Upstream


@dataclass(frozen=True)
class Switches:
    """What tests may ask for.

    Pushes leave `delay_ms` and up to `jitter_ms` late, in order but for the share `reordering` (0 to 1) that does not
    wait for those before it; the share `loss` never leaves. More data-plane calls than `calls_per_second` (0: no
    limit) are answered 429.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reordering: float = 0.0
    loss: float = 0.0
    calls_per_second: float = 0.0


class Service:
    """All hubs of this process."""

    def __init__(self, endpoint: str, upstream: Upstream, database: sqlite3.Connection, patience: Patience) -> None:
        self.endpoint = endpoint
        self.upstream = upstream
        self.patience = patience
        self.switches = Switches()
        self._hubs: dict[str, Hub] = {}
        self._database = database
        self._chance = random.Random(20260101)  # noqa: S311 - not a secret: the same unkindness in every run

    def hub(self, name: str) -> Hub:
        """A hub; it is there as soon as somebody speaks of it. Names have no case."""
        name = name.lower()
        if name not in self._hubs:
            self._hubs[name] = Hub(name, self._database)
        return self._hubs[name]

    def connections(self) -> list[Connection]:
        """Every client of every hub."""
        return [connection for hub in self._hubs.values() for connection in hub.connections.values()]

    def push(self, connections: Iterable[Connection], target: str, arguments: list[Any]) -> int:
        """Push to these connections, encoded once a protocol; to how many."""
        encoded: dict[Protocol, bytes] = {}
        count = 0
        for connection in connections:
            if self._chance.random() < self.switches.loss:
                continue
            protocol = connection.protocol
            if protocol not in encoded:
                encoded[protocol] = protocol.encode(push(target, arguments))
            self._deliver(connection, encoded[protocol])
            count += 1
        return count

    def _deliver(self, connection: Connection, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        delay = self.switches.delay_ms + self.switches.jitter_ms * self._chance.random()
        due = loop.time() + delay / 1000
        if self._chance.random() >= self.switches.reordering and due <= connection.due:
            due = connection.due + 1e-6  # a timer a microsecond later fires later
        if due <= loop.time():
            connection.send(frame)
            return
        connection.due = max(connection.due, due)
        loop.call_at(due, connection.send, frame)
