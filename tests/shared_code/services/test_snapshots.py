"""An undo begins with a snapshot, never with one that it must not begin with, and comes to the same bytes."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from shared_code.domain.learning.progress import FOLD, Progress
from shared_code.events.rebuild import Rebuild
from shared_code.events.snapshots import KEPT
from shared_code.services.progress import ProgressProjection, ProgressService
from shared_code.storage.documents import Documents
from tests.shared_code.events.backbone import Backbone, backbone_on, practised, stream_of

EVERY = 5
CONTAINER = "projections"


class Practice:
    """One learner, whose progress has a snapshot every five events."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.name = f"learner-{uuid.uuid4().hex[:12]}"
        self.person = stream_of("sayzhong", self.name)
        self.documents = Documents(backbone.blobs, backbone.keys, CONTAINER, "progress", Progress)
        self.service = ProgressService(self.documents, backbone.store, snapshot_every=EVERY)
        self.events: list[str] = []

    async def practise(self, count: int, *, at_once: int = 3) -> None:
        """Practise, and catch up after a few events each time, as sagas do."""
        for start in range(0, count, at_once):
            events = [practised(self.name, f"a-{number}") for number in range(min(at_once, count - start))]
            await self.backbone.store.append(self.person, events)
            self.events += [event.id for event in events]
            await self.service.catch_up(self.person)

    def snapshot(self, turn: int) -> Documents[Progress]:
        return self.documents.beside(f"progress-snapshot-{turn % KEPT}")

    async def bytes_of(self) -> bytes:
        return msgspec.json.encode(await self.documents.load(self.person))

    async def from_the_beginning(self) -> bytes:
        """The document that has never seen a snapshot."""
        reverted = (await self.documents.load(self.person)).reverted
        elsewhere = Documents(
            self.backbone.blobs, self.backbone.keys, f"elsewhere-{uuid.uuid4().hex}", "progress", Progress
        )
        await elsewhere.put(self.person, Progress(reverted=reverted))
        return msgspec.json.encode(await ProgressService(elsewhere, self.backbone.store).catch_up(self.person))

    async def lose(self, versions: range) -> None:
        """Take events out of the stream: whoever reads them all would come to something else."""
        for version in versions:
            await self.backbone.tables.table("events").delete(self.person, f"e{version:010}")


@pytest.fixture
async def practice(azurite: str, servicebus: str) -> AsyncIterator[Practice]:
    async with backbone_on(azurite, servicebus) as backbone:
        yield Practice(backbone)


async def test_an_undo_reads_the_stream_from_the_last_snapshot_before_its_event(practice: Practice) -> None:
    await practice.practise(22)
    (position,) = {each.position for each in [await practice.snapshot(4).load(practice.person)]}
    assert position == 21
    expected = await practice.documents.load(practice.person)
    assert expected.version == 22
    await practice.lose(range(1, 16))
    await practice.service.revert(practice.person, practice.events[19])
    undone = await practice.documents.load(practice.person)
    assert (undone.version, undone.position, undone.reverted) == (21, 22, [practice.events[19]])


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_is_undone_the_bytes_are_those_of_the_whole_stream(practice: Practice, seed: int) -> None:
    """Early events and late ones, such as are not there yet, one after the other."""
    chance = random.Random(seed)
    for _ in range(6):
        await practice.practise(chance.randint(1, 9), at_once=chance.randint(1, 7))
        for _ in range(chance.randint(0, 2)):
            late = chance.random() < 0.6
            chosen = chance.choice(practice.events[-4:] if late else practice.events)
            await practice.service.revert(practice.person, chosen)
        assert await practice.bytes_of() == await practice.from_the_beginning()
    event = practised(practice.name)
    await practice.service.revert(practice.person, event.id)
    await practice.backbone.store.append(practice.person, [event])
    await practice.practise(EVERY)
    await practice.service.revert(practice.person, practice.events[-1])
    assert await practice.bytes_of() == await practice.from_the_beginning()


async def test_a_snapshot_of_another_fold_is_not_begun_with(practice: Practice) -> None:
    await practice.practise(12)
    for turn in range(KEPT):
        await practice.snapshot(turn).put(practice.person, Progress(version=99, position=5, fold=FOLD + 1))
    await practice.service.revert(practice.person, practice.events[-1])
    assert await practice.bytes_of() == await practice.from_the_beginning()


async def test_a_rebuilt_document_leaves_no_snapshot_of_the_one_before(practice: Practice) -> None:
    """Whatever was wrong with it does not come back with the next undo."""
    await practice.practise(12)
    for turn in range(KEPT):
        broken = await practice.snapshot(turn).load(practice.person)
        broken.tones["3"].right = 99
        await practice.snapshot(turn).put(practice.person, broken)
    rebuild = Rebuild(practice.backbone.store, ProgressProjection(practice.documents), uuid.uuid4().hex)
    await rebuild.build(practice.person, "sayzhong")
    await rebuild.swap(practice.person)
    await practice.service.revert(practice.person, practice.events[-1])
    assert await practice.bytes_of() == await practice.from_the_beginning()


async def test_snapshots_are_sealed_and_go_with_the_learner(practice: Practice) -> None:
    await practice.practise(12)

    async def kept() -> list[str]:
        names = practice.backbone.blobs.names(CONTAINER, "progress-snapshot-")
        return [name async for name in names if practice.person in name]

    names = await kept()
    assert len(names) == KEPT
    for name in names:
        blob = await practice.backbone.blobs.get(CONTAINER, name)
        assert blob is not None
        assert "你".encode() not in blob.data
    await practice.backbone.keys.erase(practice.person)
    assert [await practice.snapshot(turn).load(practice.person) for turn in range(KEPT)] == [Progress()] * KEPT
    await practice.service.forget(practice.person)
    assert await kept() == []
