"""Appending, publishing, consuming and reading events, beside the bare SDKs and beside PyPI's eventsourcing on SQLite.

Ours and the bare SDKs talk to the same Azurite and the same local Service Bus over loopback; eventsourcing writes to a
file of its own process. So the first comparison says what this layer adds, the second what a store across the network
costs beside one that is not. All of them store the same events.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any

import msgspec
from azure.data.tables.aio import TableServiceClient
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from eventsourcing.persistence import StoredEvent as Record
from eventsourcing.sqlite import SQLiteAggregateRecorder, SQLiteDatastore

from local.azurite import azurite_command
from local.connections import connection_settings
from local.paths import PROJECT
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Received
from tests.ports import accepts, free_stack_ports
from tests.shared_code.events.backbone import Backbone, practised, stream_of

ONE_BY_ONE = 200
BATCHES, BATCH = 20, 49
LONG = 1000  # events of one learner
READS = 5
WARM = 20  # of each, before the clock runs
PUBLISH_ADDS = 15.0  # ms at the 95th percentile, beyond what storage and bus take without this layer


def main() -> bool:
    """Print the table; whether publishing holds its target."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> bool:
    async with _parts(folder) as settings:
        storage, bus = settings["AzureWebJobsStorage"], settings["ServiceBusConnection"]
        backbone = Backbone(storage, bus)
        async with _Bare(storage, bus) as bare:
            try:
                return await _compare(backbone, bare, _sqlite(folder / "events.db"))
            finally:
                await backbone.close()


async def _compare(backbone: Backbone, bare: _Bare, sqlite: _Sqlite) -> bool:
    print(f"   load of the machine: {os.getloadavg()[0]:.1f}\n   {'milliseconds an event':<34}{'p50':>9}{'p95':>9}")
    append = await _line("append a learner's first, ours", ONE_BY_ONE, lambda: backbone.store.append(*_next()))
    await _line("append, bare tables SDK", ONE_BY_ONE, lambda: bare.append(*_next()), beside=append)
    await _line("append, eventsourcing on SQLite", ONE_BY_ONE, lambda: sqlite.append(*_next()), beside=append)
    batch = await _line(f"append {BATCH} at once, ours", BATCHES, lambda: backbone.store.append(*_next(BATCH)), BATCH)
    await _line(f"append {BATCH}, bare tables SDK", BATCHES, lambda: bare.append(*_next(BATCH)), BATCH, batch)
    await _line(f"append {BATCH}, eventsourcing", BATCHES, lambda: sqlite.append(*_next(BATCH)), BATCH, batch)
    first = await _line("publish a learner's first, ours", ONE_BY_ONE, lambda: backbone.journal.record(*_next()))
    await _line("append and send, bare SDKs", ONE_BY_ONE, lambda: bare.publish(*_next()), beside=first)
    known = uuid.uuid4().hex
    adds = await _added(
        lambda: backbone.journal.record(*_next(of=known)),
        lambda: bare.publish(*_next(of=known)),
    )
    many = await _line(f"publish {BATCH} at once, ours", BATCHES, lambda: backbone.journal.record(*_next(BATCH)), BATCH)
    await _line(f"publish {BATCH}, bare SDKs", BATCHES, lambda: bare.publish(*_next(BATCH)), BATCH, many)
    await _consume(backbone)
    await _read(backbone, bare, sqlite)
    print(f"   publishing adds {adds:.1f} ms to the bare SDKs' at the 95th percentile; target {PUBLISH_ADDS:.0f} ms")
    return adds <= PUBLISH_ADDS


async def _consume(backbone: Backbone) -> None:
    """From a received message to the inbox's mark, with a handler that does nothing."""

    async def nothing(_: Received) -> None:
        return

    messages = []
    for _ in range(ONE_BY_ONE + WARM):
        stream, [event] = _next()
        await backbone.store.append(stream, [event])
        messages.append(IncomingMessage(body=event.encode(), message_id=event.id, session_id=event.subject))
    waiting = iter(messages)
    await _line(
        "consume, ours (handler empty)",
        ONE_BY_ONE,
        lambda: backbone.consumer.consume(
            next(waiting), topic="learning-progress", subscriber="progress", handle=nothing
        ),
    )


async def _read(backbone: Backbone, bare: _Bare, sqlite: _Sqlite) -> None:
    """Read one long stream. What folding it takes is in `replay`."""
    stream, events = _next(LONG)
    for start in range(0, LONG, BATCH):
        await backbone.store.append(stream, events[start : start + BATCH])
    await sqlite.append(stream, events)

    async def ours() -> None:
        assert len([stored async for stored in backbone.store.read(stream)]) == LONG

    print(f"   milliseconds for {LONG} events of one learner, best of {READS}")
    read = await _best(ours)
    raw = await _best(lambda: bare.read(stream, LONG))
    print(f"   {'read, ours':<34}{read:9.1f}\n   {'read, bare tables SDK':<34}{raw:9.1f}   {read / raw:5.2f} ×")
    print(f"   {'read, eventsourcing on SQLite':<34}{await _best(lambda: sqlite.read(stream, LONG)):9.1f}")


Line = tuple[float, float]


async def _line(
    title: str, times: int, run: Callable[[], Awaitable[Any]], each: int = 1, beside: Line | None = None
) -> Line:
    for _ in range(min(WARM, times)):
        await run()
    return _print(title, [await _milliseconds(run) / each for _ in range(times)], beside)


async def _added(ours: Callable[[], Awaitable[Any]], bare: Callable[[], Awaitable[Any]]) -> float:
    """What this layer adds to publishing the next event of a known learner, in turns, so that noise meets both."""
    took: tuple[list[float], list[float]] = ([], [])
    for turn in range(WARM + ONE_BY_ONE):
        for run, times in zip((ours, bare), took, strict=True):
            milliseconds = await _milliseconds(run)
            if turn >= WARM:
                times.append(milliseconds)
    mine = _print("publish the next one, ours", took[0])
    return mine[1] - _print("append and send, bare SDKs", took[1], beside=mine)[1]


async def _milliseconds(run: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await run()
    return (time.perf_counter() - began) * 1000


def _print(title: str, took: list[float], beside: Line | None = None) -> Line:
    cuts = quantiles(took, n=20)
    line = (cuts[9], cuts[18])
    ratio = f"   ours is {beside[0] / line[0]:6.2f} × of it" if beside else ""
    print(f"   {title:<34}{line[0]:9.2f}{line[1]:9.2f}{ratio}", flush=True)
    return line


async def _best(run: Callable[[], Awaitable[Any]], runs: int = READS) -> float:
    return min([await _milliseconds(run) for _ in range(runs)])


def _next(count: int = 1, of: str = "") -> tuple[str, list[CloudEvent]]:
    """Events `of` a learner; without one, of the next learner, so that the append begins a stream."""
    learner = of or uuid.uuid4().hex
    return stream_of("sayzhong", learner), [practised(learner) for _ in range(count)]


class _Bare:
    """What one would write with the SDKs alone: an event row, an id row and the head in one transaction, and a send."""

    def __init__(self, storage: str, bus: str) -> None:
        self._tables = TableServiceClient.from_connection_string(storage)
        self._table = self._tables.get_table_client("bare")
        self._bus = ServiceBusClient.from_connection_string(bus)
        self._sender = self._bus.get_topic_sender("learning-progress")
        self._versions: dict[str, int] = {}

    async def __aenter__(self) -> _Bare:
        await self._tables.create_table_if_not_exists("bare")
        await self._sender.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._sender.close()
        await self._bus.close()
        await self._tables.close()

    async def append(self, stream: str, events: list[CloudEvent]) -> None:
        before = self._versions.get(stream, 0)
        self._versions[stream] = before + len(events)
        head = {"PartitionKey": stream, "RowKey": "head", "version": before + len(events)}
        operations: list[Any] = [("upsert" if before else "create", head)]
        for version, event in enumerate(events, before + 1):
            row = {"PartitionKey": stream, "RowKey": f"e{version:010}", "type": event.type, "body": event.encode()}
            operations.append(("create", row))
            operations.append(("create", {"PartitionKey": stream, "RowKey": f"i{event.id}", "version": version}))
        await self._table.submit_transaction(operations)

    async def publish(self, stream: str, events: list[CloudEvent]) -> None:
        await self.append(stream, events)
        await self._sender.send_messages(
            [ServiceBusMessage(event.encode(), message_id=event.id, session_id=event.subject) for event in events]
        )

    async def read(self, stream: str, count: int) -> None:
        """What our store has written, as entities."""
        rows = self._tables.get_table_client("events").query_entities(
            f"PartitionKey eq '{stream}' and RowKey ge 'e' and RowKey lt 'e:'"
        )
        assert len([row async for row in rows]) == count


class _Sqlite:
    """eventsourcing's recorder on a file."""

    def __init__(self, recorder: SQLiteAggregateRecorder) -> None:
        self._recorder = recorder

    async def append(self, stream: str, events: list[CloudEvent]) -> None:
        name = uuid.uuid5(uuid.NAMESPACE_OID, stream)
        self._recorder.insert_events(
            [
                Record(originator_id=name, originator_version=version, topic=event.type, state=event.encode())
                for version, event in enumerate(events, 1)
            ]
        )

    async def read(self, stream: str, count: int) -> None:
        found = self._recorder.select_events(uuid.uuid5(uuid.NAMESPACE_OID, stream))
        assert len([msgspec.json.decode(record.state, type=CloudEvent) for record in found]) == count


def _sqlite(path: Path) -> _Sqlite:
    recorder = SQLiteAggregateRecorder(SQLiteDatastore(str(path)))
    recorder.create_table()
    return _Sqlite(recorder)


@contextlib.asynccontextmanager
async def _parts(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Azurite and the local Service Bus, as the stack runs them."""
    ports = free_stack_ports()
    environment = {**os.environ, **ports.environment(), "LOCAL_STATE_DIR": str(folder)}
    commands = (azurite_command(ports, folder / "azurite"), [sys.executable, "-m", "local.servicebus"])
    with contextlib.ExitStack() as running:
        for command in commands:
            running.enter_context(_process(list(command), environment))
        assert all(accepts(port) for port in (ports.table, ports.blob, ports.servicebus))
        yield connection_settings(ports)


@contextlib.contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()
