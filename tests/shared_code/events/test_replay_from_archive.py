"""What a replay from the lake's archive can do that one from the store cannot, and what it must not."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from msgspec.structs import replace

from shared_code.events.job_runner import JobRunner
from shared_code.events.lake_archive import CONTAINER
from shared_code.events.line import Line
from shared_code.events.replay_feed import EVENTS
from shared_code.events.replay_job import in_swap
from shared_code.events.replay_order import KIND, ReplayOrder
from shared_code.events.store import MOST_AT_ONCE
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive_redeliveries
from tests.shared_code.events.replaying import Replays, fed, practise

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def replays(backbone: Backbone) -> Replays:
    return Replays(backbone)


def feed(stream: str) -> ReplayOrder:
    return ReplayOrder(source="archive", topic="learning-progress", subscriber="progress", stream=stream)


def rebuilt(stream: str) -> ReplayOrder:
    return ReplayOrder(source="archive", projection="progress", stream=stream, swap=True)


async def lose(backbone: Backbone, stream: str) -> None:
    """Take everything of a stream out of the store, as a slip of somebody's hand would."""
    table = backbone.tables.table("events")
    for row in [row async for row in table.rows(stream)]:
        await table.delete(stream, row.key)


async def test_a_projection_is_rebuilt_though_the_store_has_lost_the_stream(
    replays: Replays, learner: str, stream: str
) -> None:
    await practise(replays.backbone, learner, 5)
    await replays.service.catch_up(stream)
    before = await replays.bytes_of(stream)
    await replays.backbone.archiving.round()
    await lose(replays.backbone, stream)
    await replays.documents.delete(stream)
    job = await replays.run(rebuilt(stream))
    assert (job.state, job.done, job.skipped) == ("done", 1, 0)
    assert await replays.bytes_of(stream) == before


async def test_a_fed_event_that_the_store_has_lost_is_put_back_and_handled_as_the_one_it_was(
    replays: Replays, servicebus: str, learner: str, stream: str
) -> None:
    backbone = replays.backbone
    await practise(backbone, learner, 3)
    await backbone.archiving.round()
    before = [each async for each in backbone.store.read(stream)]
    await lose(backbone, stream)
    handled: list[tuple[str, int]] = []
    job = await replays.run(feed(stream))
    assert (job.state, job.cursor["events"]) == ("done", 3)
    await fed(replays, servicebus, stream, 3, lambda received: handled.append((received.event.id, received.version)))
    assert handled == [(each.event.id, each.version) for each in before]
    assert [each async for each in backbone.store.read(stream)] == before
    later = await practise(backbone, learner, 1)
    await backbone.archiving.round()
    assert [each.event.id async for each in backbone.lake_archive.read(stream)] == [
        *(each.event.id for each in before),
        *later,
    ]


async def test_an_erased_learner_is_neither_fed_nor_built_nor_put_back(
    replays: Replays, learner: str, stream: str
) -> None:
    backbone = replays.backbone
    await practise(backbone, learner, 2)
    await backbone.archiving.round()
    await backbone.keys.erase(stream)
    await lose(backbone, stream)
    job = await replays.run(feed(stream))
    assert (job.state, job.cursor["events"]) == ("done", 0)
    assert [each async for each in backbone.store.read(stream)] == []
    assert await backbone.keys.key_of(stream) is None, "nothing was sealed for them"
    await replays.run(rebuilt(stream))
    assert (await replays.documents.load(stream)).items == {}


async def test_another_tenant_s_events_are_never_fed(replays: Replays, learner: str) -> None:
    theirs = stream_of("elsewhere", learner)
    await replays.backbone.journal.record(theirs, [replace(practised(learner), tenantid="elsewhere")])
    job = await replays.run(feed(theirs))
    assert (job.state, job.done, job.skipped, job.cursor["events"]) == ("done", 0, 1, 0)


async def test_a_learner_with_a_gap_is_skipped_and_keeps_the_live_document(
    replays: Replays, learner: str, stream: str
) -> None:
    """A month's file is gone: what is computed without it would be wrong."""
    backbone = replays.backbone
    await practise(backbone, learner, 2)
    await replays.service.catch_up(stream)
    before = await replays.bytes_of(stream)
    await backbone.archiving.round()
    (name,) = [name async for name in backbone.blobs.names(CONTAINER, f"events/{stream}/")]
    blob = await backbone.blobs.get(CONTAINER, name)
    assert blob is not None
    await backbone.blobs.delete(CONTAINER, name)
    await backbone.blobs.append(CONTAINER, name, blob.data.splitlines(keepends=True)[1], at=0)
    for order in (rebuilt(stream), feed(stream)):
        job = await replays.run(order)
        assert (job.state, job.done, job.skipped) == ("done", 0, 1)
    assert await replays.bytes_of(stream) == before


async def test_a_learner_whose_file_somebody_has_changed_is_skipped(
    replays: Replays, learner: str, stream: str
) -> None:
    backbone = replays.backbone
    await practise(backbone, learner, 1)
    await practise(backbone, f"{learner}-2", 1)
    await backbone.archiving.round()
    (name,) = [name async for name in backbone.blobs.names(CONTAINER, f"events/{stream}/")]
    other = [name async for name in backbone.blobs.names(CONTAINER, f"events/{stream_of('sayzhong', f'{learner}-2')}/")]
    moved = await backbone.blobs.get(CONTAINER, other[0])
    assert moved is not None
    await backbone.blobs.put(CONTAINER, name, moved.data)
    for order in (feed(stream), rebuilt(stream)):
        job = await replays.run(order)
        assert (job.state, job.done, job.skipped) == ("done", 0, 1)
    await backbone.blobs.delete(CONTAINER, name)


@pytest.mark.parametrize("source", ["store", "archive"])
async def test_a_learner_whose_payload_is_gone_is_skipped_and_holds_up_nobody(
    replays: Replays, learner: str, stream: str, source: Literal["store", "archive"]
) -> None:
    backbone = replays.backbone
    event = practised(learner)
    await backbone.journal.record(stream, [replace(event, data={**event.data, "remark": "长" * 40_000})])
    await backbone.archiving.round()
    await backbone.store.forget(stream, "nothing")
    for order in (feed(stream), rebuilt(stream)):
        job = await replays.run(replace(order, source=source))
        assert (job.state, job.done, job.skipped) == ("done", 0, 1)


async def test_a_learner_whose_file_is_changed_before_the_swap_keeps_the_live_document_and_holds_up_nobody(
    replays: Replays, learner: str, stream: str
) -> None:
    backbone = replays.backbone
    other = stream_of("sayzhong", f"{learner}-2")
    for name in (learner, f"{learner}-2"):
        await practise(backbone, name, 1)
    await replays.service.catch_up(stream)
    before = await replays.bytes_of(stream)
    job = await replays.run(ReplayOrder(source="archive", projection="progress"))
    assert job.state == "built"
    skipped, (name,) = job.skipped, [name async for name in backbone.blobs.names(CONTAINER, f"events/{stream}/")]
    await backbone.blobs.put(CONTAINER, name, b"changed\n")
    job = await replays.go_on(await backbone.jobs.again(KIND, job.id, in_swap))
    assert (job.state, job.skipped, job.done) == ("done", skipped + 1, job.total)
    assert await replays.bytes_of(stream) == before
    assert (await replays.documents.load(other)).version == 1
    assert [each async for each in replays.work.rebuild(job).built()] == []
    await backbone.blobs.delete(CONTAINER, name)


async def test_a_long_feed_goes_on_where_it_stood_after_a_pause_and_a_crash(
    replays: Replays, servicebus: str, learner: str, stream: str
) -> None:
    backbone = replays.backbone
    ids: list[str] = []
    while len(ids) < EVENTS + MOST_AT_ONCE:
        events = [practised(learner) for _ in range(MOST_AT_ONCE)]
        await backbone.store.announce(stream, events)
        await backbone.store.append(stream, events)
        ids += [event.id for event in events]
    job = await replays.start(feed(stream))
    job = await backbone.jobs.progress(job, await replays.work.step(job))  # counts
    await replays.work.step(job)  # and dies before it is written down
    job = await backbone.jobs.progress(job, await replays.work.step(job))
    assert (job.state, job.cursor["version"]) == ("running", EVENTS)
    await backbone.jobs.ask(KIND, job.id, "paused")
    await JobRunner(backbone.jobs, {KIND: replays.work}).round(turn=1)
    assert (await backbone.jobs.get(KIND, job.id)).cursor == job.cursor
    job = await replays.go_on(await backbone.jobs.ask(KIND, job.id, "running"))
    assert (job.state, job.done, job.cursor["events"]) == ("done", 1, len(ids))
    line = Line("learning-progress", "progress", stream)
    messages = await receive_redeliveries(servicebus, line.key, count=len(ids))
    assert [json.loads(message.body)["id"] for message in messages] == ids, "the bus drops what was sent twice"
