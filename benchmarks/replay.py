"""Rebuilding progress, from the event store and from the lake's archive: 1,000 events of one learner, and memory over
100,000 events of 1,000 learners. Catching up and undoing in a stream of 10,000 events, with snapshots and without.

Our own work is the CPU time of this process; storage is a real Azurite. STREAMS=n measures fewer learners.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path

from local.azurite import azurite_command
from local.connections import connection_settings
from shared_code.domain.clock import utc_now
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.learning.progress import Progress
from shared_code.events.archive import Archive
from shared_code.events.archiving import Archiving
from shared_code.events.event_source import EventSource
from shared_code.events.lake_archive import LakeArchive
from shared_code.events.rebuild import Rebuild
from shared_code.events.store import MOST_AT_ONCE, EventStore
from shared_code.events.unarchived import Unarchived
from shared_code.resilience.retry import retry
from shared_code.services.progress import ProgressProjection, ProgressService
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.documents import Documents
from shared_code.storage.sealing.file_wrapper import FileWrapper
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Tables
from tests.ports import accepts, free_stack_ports

TARGET = 0.2  # seconds of our own work for 1,000 events
EVENTS, A_LEARNER, LEARNERS = 1_000, 100, int(os.environ.get("STREAMS", "1000"))
LONG, SOME = 10_000, 400  # events of a learner who has practised for years, and of one catching-up
UNDONE_IN = 0.25  # of the time that an undo takes without snapshots
GROWTH = 24.0  # MiB that memory may grow by while the second half is rebuilt
SYLLABLES = (("你", "nǐ", 3), ("好", "hǎo", 3), ("学", "xué", 2), ("习", "xí", 2), ("中", "zhōng", 1))


class _Bench:
    def __init__(self, storage: str, folder: Path) -> None:
        account = StorageAccount(connection_string=storage)
        self.tables, self.blobs = Tables(account), Blobs(account)
        keys = LearnerKeys(self.tables, FileWrapper(folder / "keys"), utc_now)
        archive = Archive(keys, self.blobs)
        self.store, self.archive = EventStore(self.tables, utc_now, archive), LakeArchive(self.blobs, archive)
        self.unarchived = Unarchived(self.tables, utc_now)
        self.archiving = Archiving(self.store, self.unarchived, self.archive, utc_now)
        self.unaided = ProgressService(
            Documents(self.blobs, keys, "unaided", "progress", Progress), self.store, snapshot_every=LONG * 2
        )
        self.documents = Documents(self.blobs, keys, "projections", "progress", Progress)
        self.progress = ProgressService(self.documents, self.store)
        self.projection = ProgressProjection(self.documents)

    async def practise(self, stream: str, events: int) -> None:
        made = [_event(stream, number) for number in range(events)]
        for start in range(0, events, MOST_AT_ONCE):
            some = made[start : start + MOST_AT_ONCE]
            await retry(partial(self.store.announce, stream, some), attempts=5, first=0.5, longest=5)
            await retry(partial(self.store.append, stream, some), attempts=5, first=0.5, longest=5)

    async def archived(self) -> int:
        events = 0
        while not await self.unarchived.nothing():
            events += (await self.archiving.round()).events
        return events

    async def one(self, name: str, source: EventSource) -> bool:
        rebuild = Rebuild(self.store, self.projection, "bench", source)
        took = []
        for _ in range(5):
            cpu, wall = time.process_time(), time.perf_counter()
            await rebuild.build("alone", "sayzhong")
            took.append((time.process_time() - cpu, time.perf_counter() - wall))
        same = await rebuild.compare("alone") is None
        cpu, wall = min(took)
        worked, in_all = f"{cpu * 1000:.0f} ms of our own work", f"{wall * 1000:.0f} ms in all"
        print(f"   {EVENTS} events of one learner, {name}: {worked} ({in_all}); target {TARGET * 1000:.0f} ms")
        print(f"   the same, byte for byte: {'yes' if same else 'NO'}")
        return same and cpu <= TARGET

    async def many(self, name: str, source: EventSource) -> bool:
        rebuild = Rebuild(self.store, self.projection, f"bench-{name}", source)
        began, halfway, count = time.perf_counter(), 0.0, 0
        async for stream in source.streams(after="many"):
            count += await rebuild.build(stream, "sayzhong") or 0
            if count == LEARNERS * A_LEARNER // 2:
                halfway = _peak()
        grown = _peak() - halfway
        seconds = time.perf_counter() - began
        print(
            f"   {count} events of {LEARNERS} learners, {name}: {count / seconds:.0f} events/s; "
            f"memory {_peak():.0f} MiB, {grown:.1f} MiB more than after the first half"
        )
        return count == LEARNERS * A_LEARNER and grown < GROWTH

    async def replays(self) -> list[bool]:
        """From both sources: one learner's, then everybody's."""
        sources: dict[str, EventSource] = {"event store": self.store, "archive": self.archive}
        await self.practise("alone", EVENTS)
        await self.progress.catch_up("alone")
        await self.archived()
        held = [await self.one(name, source) for name, source in sources.items()]
        streams = [f"many{number:04}" for number in range(LEARNERS)]
        for start in range(0, LEARNERS, 8):
            await asyncio.gather(*(self.practise(stream, A_LEARNER) for stream in streams[start : start + 8]))
        began = time.perf_counter()
        events = await self.archived()
        print(f"   brought to the archive: {events / (time.perf_counter() - began):.0f} events/s")
        return held + [await self.many(name, source) for name, source in sources.items()]

    async def long(self) -> bool:
        """What catching up and an undo cost in a long stream, with snapshots and without."""
        services = {"with snapshots": self.progress, "without": self.unaided}
        for _ in range(LONG // SOME):
            await self.practise("long", SOME)
            for service in services.values():
                await service.catch_up("long")
        (late,) = [each.event.id async for each in self.store.read("long", after=LONG - 11, to=LONG - 10)]
        await self.practise("long", 4)
        undone: dict[str, float] = {}
        documents = []
        for name, service in services.items():
            began = time.perf_counter()
            await service.catch_up("long")
            caught_up, cpu = time.perf_counter(), time.process_time()
            await service.revert("long", late)
            undone[name], cpu = time.perf_counter() - caught_up, time.process_time() - cpu
            documents.append(await service.catch_up("long"))
            print(
                f"   {LONG} events of one learner, {name}: 4 more are caught up with in "
                f"{(caught_up - began) * 1000:.0f} ms, "
                f"a late one undone in {undone[name] * 1000:.0f} ms ({cpu * 1000:.0f} ms of our own work)"
            )
        same = documents[0] == documents[1]
        print(f"   the same: {'yes' if same else 'NO'}; target {UNDONE_IN:.0%} of the time without")
        return same and undone["with snapshots"] < undone["without"] * UNDONE_IN

    async def close(self) -> None:
        await self.tables.close()
        await self.blobs.close()


def _event(learner: str, number: int) -> CloudEvent:
    items = tuple(
        PractisedItem(hanzi=hanzi, pinyin=pinyin, expected=tone, heard=(number % 4) + 1, tone_score=70, accuracy=80)
        for hanzi, pinyin, tone in SYLLABLES[: 1 + number % 3]
    )
    return event_of(
        ProgressRecorded(attempt_id=f"a-{number}", items=items),
        subject=learner,
        tenant="sayzhong",
        correlation_id=str(uuid.uuid4()),
        now=utc_now(),
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _measure(storage: str, folder: Path) -> bool:
    bench = _Bench(storage, folder)
    try:
        held = [*await bench.replays(), await bench.long()]
    finally:
        await bench.close()
    return all(held)


def main() -> bool:
    """Start an Azurite of its own, measure, and say whether the targets hold."""
    ports = free_stack_ports()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            azurite_command(ports, Path(folder) / "data"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            assert accepts(ports.table)
            assert accepts(ports.blob)
            return asyncio.run(_measure(connection_settings(ports)["AzureWebJobsStorage"], Path(folder)))
        finally:
            process.terminate()
            process.wait()
