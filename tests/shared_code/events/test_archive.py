"""What is stored comes into the lake's archive, as the store keeps it: nothing is left out, nothing is there twice."""

from __future__ import annotations

import asyncio
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from shared_code.domain.clock import utc_now
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events import archiving
from shared_code.events.archive_line import line_of
from shared_code.events.archiving import BLOCK_BYTES, NEVER_AFTER, TAIL, Archiving
from shared_code.events.lake_archive import CONTAINER, LakeArchive, Tail
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Received
from shared_code.events.store import EventStore
from shared_code.events.unarchived import PARTITIONS
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.rows import Row
from shared_code.storage.sealing.data_key import SealBroken
from tests.proxy import answer_losing
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.test_dying import killed_after

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def archived(backbone: Backbone, stream: str) -> list[str]:
    """The ids that a stream's archive has, in its order."""
    return [each.event.id async for each in backbone.lake_archive.read(stream)]


async def recorded(backbone: Backbone, learner: str, count: int) -> list[CloudEvent]:
    events = [practised(learner, f"a-{number}") for number in range(count)]
    await backbone.journal.record(stream_of("sayzhong", learner), events)
    return events


async def marks_of(backbone: Backbone, stream: str) -> int:
    partitions = [backbone.unarchived.of_partition(number, limit=1000) for number in range(16)]
    return len([mark for marks in partitions async for mark in marks if mark.stream == stream])


async def file_of(backbone: Backbone, stream: str) -> bytes:
    blob = await backbone.blobs.get(CONTAINER, f"events/{stream}/{utc_now():%Y-%m}.jsonl")
    assert blob is not None
    return blob.data


async def test_what_is_recorded_is_archived_once_in_order_and_sealed(
    backbone: Backbone, learner: str, stream: str
) -> None:
    first = await recorded(backbone, learner, 2)
    await backbone.archiving.round()
    second = await recorded(backbone, learner, 1)
    await backbone.archiving.round()
    await backbone.archiving.round()
    assert [each async for each in backbone.lake_archive.read(stream)] == [
        each async for each in backbone.store.read(stream)
    ]
    assert await archived(backbone, stream) == [event.id for event in [*first, *second]]
    assert await marks_of(backbone, stream) == 0
    held = await file_of(backbone, stream)
    assert learner.encode() not in held
    assert "你".encode() not in held
    lines = [json.loads(line) for line in held.splitlines()]
    assert [line["version"] for line in lines] == [1, 2, 3]
    assert lines[0]["body"]["data"]["items"][0]["heard"] == 2, "figures are in the open, as in the store"


async def test_an_erased_learner_comes_out_erased(backbone: Backbone, learner: str, stream: str) -> None:
    await recorded(backbone, learner, 2)
    await backbone.archiving.round()
    await backbone.keys.erase(stream)
    out = [each async for each in backbone.lake_archive.read(stream)]
    assert [(each.erased, each.event.subject) for each in out] == [(True, "erased")] * 2
    assert out == [each async for each in backbone.store.read(stream)]


async def test_a_large_event_is_archived_by_reference(backbone: Backbone, learner: str, stream: str) -> None:
    event = practised(learner)
    large = replace(event, data={**event.data, "remark": "长" * 40_000})
    await backbone.journal.record(stream, [large])
    await backbone.archiving.round()
    assert len(await file_of(backbone, stream)) < 2_000
    assert [each.event async for each in backbone.lake_archive.read(stream)] == [large]


async def test_a_backlog_of_more_than_a_block_is_archived_in_several(
    backbone: Backbone, learner: str, stream: str
) -> None:
    event = practised(learner)
    events = [replace(practised(learner), data={**event.data, "remark": "x" * 30_000}) for _ in range(40)]
    for start in range(0, len(events), 20):
        await backbone.journal.record(stream, events[start : start + 20])
    await backbone.archiving.round()
    assert len(await file_of(backbone, stream)) > BLOCK_BYTES
    assert await archived(backbone, stream) == [each.id for each in events]


async def test_an_event_is_waited_for_until_it_is_stored_however_long_after_it_was_announced(
    backbone: Backbone, learner: str, stream: str
) -> None:
    """A process may stand still between the two, while others archive what came later."""
    late, later = practised(learner, "late"), practised(learner, "later")
    await backbone.store.announce(stream, [late])
    await backbone.journal.record(stream, [later])
    await backbone.archiving.round()
    assert await archived(backbone, stream) == [later.id]
    assert await marks_of(backbone, stream) == 1
    await backbone.store.append(stream, [late])
    await backbone.archiving.round()
    assert await archived(backbone, stream) == [later.id, late.id]
    assert await marks_of(backbone, stream) == 0


async def test_a_mark_of_what_was_never_stored_goes_when_it_cannot_be_any_more(
    backbone: Backbone, learner: str, stream: str
) -> None:
    await backbone.store.announce(stream, [practised(learner)])
    await backbone.archiving.round()
    assert await marks_of(backbone, stream) == 1
    tomorrow = Archiving(
        backbone.store,
        backbone.unarchived,
        backbone.lake_archive,
        lambda: utc_now() + NEVER_AFTER + timedelta(seconds=1),
    )
    await tomorrow.round()
    assert await marks_of(backbone, stream) == 0


async def test_what_another_system_published_straight_to_the_bus_is_archived(
    backbone: Backbone, learner: str, stream: str
) -> None:
    event = practised(learner)

    async def handle(_: Received) -> None:
        return

    message = IncomingMessage(body=event.encode(), message_id=event.id, session_id=learner)
    await backbone.consumer.consume(message, topic="learning-progress", subscriber="progress", handle=handle)
    await backbone.archiving.round()
    assert await archived(backbone, stream) == [event.id]


@pytest.mark.parametrize("step", ["lake_archive.append", "store.keep_beside"])
async def test_a_kill_between_file_and_tail_neither_loses_nor_doubles_an_event(
    azurite: str, servicebus: str, backbone: Backbone, learner: str, stream: str, step: str
) -> None:
    events = await recorded(backbone, learner, 3)
    await killed_after(azurite, servicebus, "archive", step, stream)
    assert await archived(backbone, stream) == [event.id for event in events]
    assert (await backbone.store.beside(stream, TAIL) is None) == (step == "lake_archive.append")
    assert await marks_of(backbone, stream) == 1
    events += await recorded(backbone, learner, 2)
    await backbone.archiving.round()
    assert await archived(backbone, stream) == [event.id for event in events]
    assert await marks_of(backbone, stream) == 0


async def test_two_archivers_at_once_write_every_event_once(
    backbone: Backbone, other: Backbone, learner: str, stream: str
) -> None:
    events: list[CloudEvent] = []
    for _ in range(5):
        events += await recorded(backbone, learner, 2)
        await asyncio.gather(backbone.archiving.round(), other.archiving.round())
    await backbone.archiving.round()
    assert await archived(backbone, stream) == [event.id for event in events]
    assert await marks_of(backbone, stream) == 0


async def test_who_comes_late_to_a_file_leaves_the_tail_where_the_next_one_finds_what_is_beyond_it(
    backbone: Backbone, learner: str, stream: str
) -> None:
    """One archiver reads three events and stands still; another writes all five, and dies before its tail is kept."""
    events = await recorded(backbone, learner, 5)
    lines = [line_of(row) async for row in backbone.store.rows(stream)]
    files = backbone.lake_archive
    whole = await files.append(Tail(), lines)
    late = await files.append(Tail(), lines[:3])
    assert late.version == 3
    assert late.size < whole.size
    assert await files.append(late, lines[3:]) == whole
    assert await archived(backbone, stream) == [event.id for event in events]


async def test_an_append_whose_answer_was_lost_is_in_the_archive_once(
    azurite: str, backbone: Backbone, learner: str, stream: str
) -> None:
    await backbone.archiving.round()  # nobody else's events are on their way
    events = await recorded(backbone, learner, 2)
    async with answer_losing(azurite, "BlobEndpoint") as (connection, proxy):
        blobs = Blobs(StorageAccount(connection_string=connection))
        archiving = Archiving(backbone.store, backbone.unarchived, LakeArchive(blobs, backbone.archive), utc_now)
        await archiving.round()
        events += await recorded(backbone, learner, 1)
        proxy.lose_answers(2)  # aiohttp asks again by itself when an open connection is cut
        assert (await archiving.round()).failed == 1
        events += await recorded(backbone, learner, 1)
        await archiving.round()
        await blobs.close()
    assert await archived(backbone, stream) == [event.id for event in events]


@pytest.mark.parametrize(
    "line", ["not a line", '{"stream":"STREAM","version":1,"recorded_at":"2026-01-01T00:00:00.000Z","body":{}}']
)
async def test_one_stream_that_cannot_be_archived_holds_up_no_other(
    backbone: Backbone, learner: str, stream: str, line: str
) -> None:
    """Here: somebody wrote other bytes where its file is to be."""
    changed = line.replace("STREAM", stream).encode() + b"\n"
    await backbone.blobs.put(CONTAINER, f"events/{stream}/{utc_now():%Y-%m}.jsonl", changed)
    await recorded(backbone, learner, 1)
    good = await recorded(backbone, f"{learner}-2", 1)
    outcome = await backbone.archiving.round()
    assert outcome.failed >= 1
    assert await archived(backbone, stream_of("sayzhong", f"{learner}-2")) == [good[0].id]
    with pytest.raises(SealBroken):
        await archived(backbone, stream)
    await backbone.blobs.delete(CONTAINER, f"events/{stream}/{utc_now():%Y-%m}.jsonl")
    await backbone.archiving.round()
    assert len(await archived(backbone, stream)) == 1


async def test_a_row_that_somebody_has_changed_into_none_holds_up_no_other_stream(
    backbone: Backbone, learner: str, stream: str
) -> None:
    await recorded(backbone, learner, 1)
    table = backbone.tables.table("events")
    row = await table.get(stream, "e0000000001")
    assert row is not None
    await table.put(Row(stream, row.key, {**row.values, "body": "text"}))
    good = await recorded(backbone, f"{learner}-2", 1)
    assert (await backbone.archiving.round()).failed >= 1
    assert await archived(backbone, stream_of("sayzhong", f"{learner}-2")) == [good[0].id]
    await table.put(row)
    await backbone.archiving.round()
    assert len(await archived(backbone, stream)) == 1


async def test_however_many_marks_of_one_stream_stay_those_behind_them_have_their_turn(
    backbone: Backbone, learner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Announced, and not appended yet: as many as one question gives, and more."""
    monkeypatch.setattr(archiving, "MARKS", 2)
    for number in range(200):
        first, behind = (f"{learner}-{number}-{which}" for which in ("first", "behind"))
        one, other = stream_of("sayzhong", first), stream_of("sayzhong", behind)
        if one < other and zlib.crc32(one.encode()) % PARTITIONS == zlib.crc32(other.encode()) % PARTITIONS:
            break
    for _ in range(3):
        await backbone.store.announce(one, [practised(first)])
    [event] = await recorded(backbone, behind, 1)
    await backbone.archiving.round()
    assert await archived(backbone, other) == [event.id]
    assert await marks_of(backbone, one) == 3


@pytest.mark.parametrize("left", [0, 1])
async def test_a_file_that_was_deleted_or_cut_is_written_anew(
    backbone: Backbone, learner: str, stream: str, left: int
) -> None:
    events = await recorded(backbone, learner, 2)
    await backbone.archiving.round()
    name, lines = (
        f"events/{stream}/{utc_now():%Y-%m}.jsonl",
        (await file_of(backbone, stream)).splitlines(keepends=True),
    )
    await backbone.blobs.delete(CONTAINER, name)
    for line in lines[:left]:
        await backbone.blobs.append(CONTAINER, name, line, at=0)
    for _ in range(2):
        events += await recorded(backbone, learner, 1)
        await backbone.archiving.round()
        assert await archived(backbone, stream) == [event.id for event in events]
    assert await marks_of(backbone, stream) == 0


async def test_each_month_has_a_file_of_its_own(backbone: Backbone, learner: str, stream: str) -> None:
    months = [datetime(2026, month, 28, 23, 59, tzinfo=UTC) for month in (1, 2, 2, 3)]
    ids = []
    for moment in months:
        store = EventStore(backbone.tables, lambda moment=moment: moment, backbone.archive)  # type: ignore[misc]
        event = practised(learner)
        await store.announce(stream, [event])
        await store.append(stream, [event])
        ids.append(event.id)
    await backbone.archiving.round()
    names = [name async for name in backbone.blobs.names(CONTAINER, f"events/{stream}/")]
    assert names == [f"events/{stream}/2026-0{month}.jsonl" for month in (1, 2, 3)]
    assert await archived(backbone, stream) == ids
    ages = backbone.lake_archive.between(datetime(999, 1, 1, tzinfo=UTC), None)
    assert [each.event.id async for each in ages.read(stream)] == ids
    february = backbone.lake_archive.between(months[1], months[2])
    assert [each.event.id async for each in february.read(stream)] == ids[1:3]
    assert [each.version async for each in backbone.lake_archive.read(stream, after=2)] == [3, 4]


async def test_its_streams_are_found_in_order_from_any_of_them_on(backbone: Backbone, learner: str) -> None:
    mine = sorted(stream_of("sayzhong", f"{learner}-{number}") for number in range(3))
    for number in range(3):
        await recorded(backbone, f"{learner}-{number}", 1)
    await backbone.archiving.round()
    everybody = [each async for each in backbone.lake_archive.streams()]
    assert everybody == sorted(set(everybody))
    assert [each for each in everybody if each in mine] == mine
    after = [each async for each in backbone.lake_archive.streams(after=mine[1])]
    assert after == everybody[everybody.index(mine[1]) + 1 :]


async def test_what_the_store_has_lost_is_put_back_as_it_was(backbone: Backbone, learner: str, stream: str) -> None:
    await recorded(backbone, learner, 4)
    await backbone.archiving.round()
    before = [each async for each in backbone.store.read(stream)]
    for key in ("e0000000002", f"i{before[1].event.id}", "e0000000004", "head"):
        await backbone.tables.table("events").delete(stream, key)
    assert await backbone.store.restore(stream, before) == 2
    assert await backbone.store.restore(stream, before) == 0
    assert [each async for each in backbone.store.read(stream)] == before
    assert (await backbone.store.head(stream)).version == 4
    await recorded(backbone, learner, 1)
    assert (await backbone.store.head(stream)).version == 5
