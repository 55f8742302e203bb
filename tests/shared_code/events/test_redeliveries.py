"""What is meant for one subscription alone gets there, however much it is."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared_code.events.bus import BusNamespace
from shared_code.events.delivery import FIRST_TIME
from shared_code.events.line import Line
from shared_code.events.redeliveries import QUEUE, Addressed
from tests.shared_code.events.backbone import Backbone, backbone_on

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def slow_line(connection: str, bytes_a_second: float) -> AsyncIterator[str]:
    """The connection string of a bus behind a line that takes so many bytes a second."""
    port = BusNamespace(connection_string=connection).endpoint()[1]

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: float) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(len(data) * rest)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        there, back = copy(reader, far_writer, 1 / bytes_a_second), copy(far_reader, writer, 0)
        await asyncio.gather(there, back, return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    slow = server.sockets[0].getsockname()[1]
    try:
        yield connection.replace(f":{port};", f":{slow};")
    finally:
        server.close()


async def test_a_page_of_large_letters_is_delivered_over_a_slow_line(
    azurite: str, backbone: Backbone, servicebus: str, stream: str
) -> None:
    line = Line("learning-progress", "progress", stream)
    letters = [Addressed(line, str(uuid.uuid4()), "", bytes(240_000), FIRST_TIME) for _ in range(50)]
    async with slow_line(servicebus, 2_000_000) as slow, backbone_on(azurite, slow) as far:
        await far.redeliveries.deliver(letters)  # takes six seconds, and one call of the bus has five
    assert await backbone.bus.drain(QUEUE, line.key) == len(letters)
