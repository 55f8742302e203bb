"""The hubs, and what is sent to their clients. Switches make it as unkind as a real network."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local.signalr.connection import Connection
from local.signalr.protocol import Message, Protocol
from local.signalr.state import HubState
from local.signalr.upstream import Upstream, UpstreamFailed


@dataclass
class Switches:
    """What tests may ask for: delays in milliseconds, shares from 0 to 1, calls per second (0: no limit)."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    calls_per_second: int = 0


class Service:
    """All hubs of this process."""

    def __init__(self, endpoint: str, upstream: Upstream) -> None:
        self.endpoint = endpoint
        self.upstream = upstream
        self.switches = Switches()
        self.hubs: defaultdict[str, HubState] = defaultdict(HubState)
        self._chance = random.Random(20260101)  # noqa: S311 - not a secret: the same unkindness in every run
        self._background: set[asyncio.Task[None]] = set()

    def push(self, connections: Iterable[Connection], target: str, arguments: list[Any], excluded: set[str]) -> int:
        """Push to these connections, encoded once a protocol; how many."""
        encoded: dict[Protocol, bytes] = {}
        count = 0
        for connection in connections:
            if connection.id in excluded:
                continue
            frame = encoded.get(connection.protocol)
            if frame is None:
                frame = encoded[connection.protocol] = connection.protocol.invocation(target, arguments)
            self._deliver(connection, frame)
            count += 1
        return count

    def _deliver(self, connection: Connection, frame: bytes) -> None:
        switches = self.switches
        if switches.loss and self._chance.random() < switches.loss:
            return
        delay = switches.delay_ms + switches.jitter_ms * self._chance.random()
        if not delay:
            connection.send(frame)
            return
        asyncio.get_running_loop().call_later(delay / 1000, connection.send, frame)

    async def received(self, hub: str, connection: Connection, message: Message) -> None:
        """A client's message goes upstream; what comes back, or that it failed, goes to the client."""
        if message.type != 1:
            error = "Client streaming is not supported in serverless mode."
        else:
            try:
                answer = await self.upstream.message(hub, connection, message)
            except UpstreamFailed as failure:
                error = str(failure)
            else:
                if answer:
                    connection.send(answer)
                return
        if message.invocation_id:
            connection.send(connection.protocol.completion_error(message.invocation_id, error))

    def goodbye(self) -> None:
        """Tell every client that the service restarts."""
        for hub in self.hubs.values():
            for connection in list(hub.connections.values()):
                connection.close(allow_reconnect=True)
