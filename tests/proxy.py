"""A proxy that loses answers: the server has done what was asked, the client does not learn of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class AnswerLosingProxy:
    """Forwards TCP to a port of loopback until told to lose answers."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._losing = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def lose_answers(self, count: int) -> None:
        """Cut the connection when the server begins its answer, so many times."""
        self._losing = count

    async def start(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Cut everything."""
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._copy(reader, far_writer, answers=False))
                    group.create_task(self._copy(far_reader, writer, answers=True))
            finally:
                far_writer.close()
        except* (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._connections.discard(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await reader.read(65536):
            if answers and self._losing:
                self._losing -= 1
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one side has closed: so does the other


@asynccontextmanager
async def answer_losing(connection: str, endpoint: str) -> AsyncIterator[tuple[str, AnswerLosingProxy]]:
    """The storage connection string with one endpoint behind a proxy, and the proxy."""
    found = re.search(rf"{endpoint}=http://127\.0\.0\.1:(\d+)/", connection)
    assert found is not None
    proxy = AnswerLosingProxy(int(found[1]))
    port = await proxy.start()
    try:
        yield connection.replace(found[0], f"{endpoint}=http://127.0.0.1:{port}/"), proxy
    finally:
        with suppress(ConnectionError):
            await proxy.stop()
