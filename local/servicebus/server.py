"""Listens on loopback, and runs the broker in turns: act on what came, commit once, write to the sockets."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from local.ports import HOST
from local.servicebus.broker.broker import Broker
from local.servicebus.config import Namespace
from local.servicebus.protocol.connection import Connection
from local.servicebus.refused import Refused
from local.servicebus.store import Store


class Server:
    """One broker and its connections. `over` fails when the store cannot be written any more."""

    def __init__(self, namespace: Namespace, store: Store, busy: int) -> None:
        self.broker = Broker(namespace, store)
        self.connections: set[Connection] = set()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._store = store
        self._busy, self._sends = busy, 0
        self._turn_planned = False
        self._timer: asyncio.TimerHandle | None = None

    @staticmethod
    def now() -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def admit(self) -> None:
        """Raise Refused for every `busy`th send, as a throttled namespace does; learn.microsoft.com, "throttling"."""
        self._sends += 1
        if self._busy and self._sends % self._busy == 0:
            raise Refused("com.microsoft:server-busy", "The namespace is being throttled; try again in 2 seconds.")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client."""
        connection = Connection(self, reader, writer)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.turn()  # what it still said, and what its end means for others
            self.connections.discard(connection)
            writer.close()

    def schedule_turn(self) -> None:
        """Have a turn once everything that is ready now has been read."""
        if not self._turn_planned:
            self._turn_planned = True
            asyncio.get_running_loop().call_soon(self.turn)

    def turn(self) -> None:
        """Do what is due, commit, and let answers go. Nothing is confirmed that is not stored: better to stop."""
        self._turn_planned = False
        self.broker.agenda.run(self.now())
        try:
            self._store.commit()
        except sqlite3.Error as error:
            if not self.over.done():
                self.over.set_exception(error)
            return
        for connection in list(self.connections):
            connection.flush()
        if self._timer is not None:
            self._timer.cancel()
        due = self.broker.agenda.next_due()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(due - self.now(), 0) / 1000, self.schedule_turn)


@asynccontextmanager
async def serve(namespace: Namespace, store: Path, port: int, busy: int = 0) -> AsyncIterator[tuple[Server, int]]:
    """A broker that listens until the block ends, and its port, a free one for 0. Raises OSError, ValueError.

    With `busy`, every so manieth send is refused as by a busy server.
    """
    with closing(Store(store)) as opened:
        server = Server(namespace, opened, busy)
        server.turn()
        listener = await asyncio.start_server(server.serve, HOST, port)
        try:
            yield server, listener.sockets[0].getsockname()[1]
        finally:
            listener.close()
            listener.abort_clients()
            while server.connections:  # each gives its sessions back as it goes
                await asyncio.sleep(0)
