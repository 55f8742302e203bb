"""A projection is rebuilt beside the live one and swapped in whole; one subscriber is fed, quietly, exactly once."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest
from msgspec.structs import replace

from shared_code.domain.clock import parse_rfc3339
from shared_code.domain.errors import Conflict
from shared_code.domain.learning.progress import Progress
from shared_code.domain.side_effects import latched
from shared_code.events.job_runner import JobRunner
from shared_code.events.rebuild import NotComparable
from shared_code.events.replay_job import in_swap
from shared_code.events.replay_order import KIND, ReplayOrder
from shared_code.services.progress import ProgressProjection
from shared_code.storage.rows import Row
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.replaying import Replays, fed, practise

pytestmark = pytest.mark.asyncio(loop_scope="session")


Source = Literal["store", "archive"]


@pytest.fixture(params=["store", "archive"])
def source(request: pytest.FixtureRequest) -> Source:
    """Where a replay takes events from: what it promises, it promises for both."""
    given: Source = request.param
    return given


@pytest.fixture
def replays(backbone: Backbone) -> Replays:
    return Replays(backbone)


async def test_a_rebuilt_projection_is_the_same_byte_for_byte(
    replays: Replays, source: Source, learner: str, stream: str
) -> None:
    ids = await practise(replays.backbone, learner, 6)
    await replays.service.catch_up(stream)
    await replays.service.revert(stream, ids[2])
    before = await replays.bytes_of(stream)

    job = await replays.run(ReplayOrder(source=source, projection="progress", stream=stream))
    assert (job.state, job.total, job.done) == ("built", 1, 1)
    rebuild = replays.work.rebuild(job)
    assert [each async for each in rebuild.built()] == [stream]
    assert await rebuild.compare(stream) is None

    job = await replays.go_on(await replays.backbone.jobs.again(KIND, job.id, in_swap))
    assert (job.state, job.done) == ("done", 1)
    assert await replays.bytes_of(stream) == before
    assert [each async for each in rebuild.built()] == []


async def test_a_broken_projection_is_seen_in_the_comparison_and_mended_by_the_swap(
    replays: Replays, learner: str, stream: str
) -> None:
    await practise(replays.backbone, learner, 3)
    await replays.service.catch_up(stream)
    right = await replays.bytes_of(stream)

    async def broken(progress: Progress) -> Progress:
        progress.tones["3"].right = 99
        return progress

    await replays.documents.change(stream, broken)
    job = await replays.run(ReplayOrder(projection="progress", stream=stream))
    difference = await replays.work.rebuild(job).compare(stream)
    assert difference is not None
    assert difference.places == ("/tones/3/right",)
    await replays.go_on(await replays.backbone.jobs.again(KIND, job.id, in_swap))
    assert await replays.bytes_of(stream) == right


@pytest.mark.parametrize("broken", ["stream", "live", "beside"])
async def test_a_learner_who_cannot_be_compared_is_named_and_the_others_are_compared(
    replays: Replays, learner: str, broken: str
) -> None:
    learners = [learner, f"{learner}-2", f"{learner}-3"]
    streams = sorted(stream_of("sayzhong", each) for each in learners)
    for each in learners:
        await practise(replays.backbone, each, 2)
        await replays.service.catch_up(stream_of("sayzhong", each))
    job = await replays.start(ReplayOrder(projection="progress"))
    rebuild = replays.work.rebuild(job)
    for stream in streams:
        await rebuild.build(stream, "sayzhong")

    async def wrong(progress: Progress) -> Progress:
        progress.tones["3"].right = 99
        return progress

    await replays.documents.change(streams[2], wrong)
    if broken == "stream":
        await practise(
            replays.backbone, next(each for each in learners if stream_of("sayzhong", each) == streams[0]), 1
        )
        await replays.service.catch_up(streams[0])
        table = replays.backbone.tables.table("events")
        row = await table.get(streams[0], "e0000000003")
        assert row is not None
        await table.put(Row(streams[0], row.key, {**row.values, "sealed": b"not sealed"}))
    else:
        documents = replays.documents if broken == "live" else ProgressProjection(replays.documents).beside(job.id)
        name = documents._name(streams[0])
        await replays.backbone.blobs.put(documents._container, name, b"not sealed", content_type="text/plain")

    comparison = await rebuild.comparison(limit=10)
    assert comparison.compared == 2
    assert [each.learner for each in comparison.differences] == [streams[2]]
    assert comparison.not_comparable == (NotComparable(learner=streams[0], code="seal-broken"),)
    assert comparison.next is None
    page = await rebuild.comparison(limit=2)
    assert (page.compared, page.next) == (1, streams[1])
    page = await rebuild.comparison(after=streams[1], limit=2)
    assert (page.compared, [each.learner for each in page.differences], page.next) == (1, [streams[2]], None)


async def test_what_happens_while_it_is_rebuilt_is_not_lost(
    replays: Replays, source: Source, learner: str, stream: str
) -> None:
    """Neither new events, folded in live or not, nor what a saga takes back."""
    ids = await practise(replays.backbone, learner, 3)
    await replays.service.catch_up(stream)
    job = await replays.run(ReplayOrder(source=source, projection="progress", stream=stream))
    await practise(replays.backbone, learner, 2)
    await replays.service.catch_up(stream)
    await replays.service.revert(stream, ids[0])
    await practise(replays.backbone, learner, 1)
    await replays.go_on(await replays.backbone.jobs.again(KIND, job.id, in_swap))
    swapped = await replays.documents.load(stream)
    assert (swapped.position, swapped.version, swapped.reverted) == (6, 5, [ids[0]])
    await replays.service.catch_up(stream)
    assert (await replays.documents.load(stream)) == swapped


async def test_a_step_that_is_repeated_changes_nothing(
    replays: Replays, source: Source, learner: str, stream: str
) -> None:
    """The process may die after a step and before its progress is written."""
    await practise(replays.backbone, learner, 4)
    await replays.service.catch_up(stream)
    before = await replays.bytes_of(stream)
    job = await replays.start(ReplayOrder(source=source, projection="progress", stream=stream, swap=True))
    while job.state == "running":
        await replays.work.step(job)
        job = await replays.backbone.jobs.progress(job, await replays.work.step(job))
    assert (job.state, job.done) == ("done", 1)
    assert await replays.bytes_of(stream) == before


async def test_everything_is_rebuilt_but_of_ones_own_tenant(replays: Replays, source: Source, learner: str) -> None:
    backbone = replays.backbone
    mine, theirs = stream_of("sayzhong", learner), stream_of("elsewhere", learner)
    await practise(backbone, learner, 2)
    event = practised(learner)
    await backbone.journal.record(theirs, [replace(event, tenantid="elsewhere")])
    job = await replays.run(ReplayOrder(source=source, projection="progress", swap=True))
    assert job.state == "done"
    assert (await replays.documents.load(mine)).version == 2
    assert (await replays.documents.load(theirs)) == Progress()


async def test_a_cancelled_rebuild_leaves_nothing(replays: Replays, learner: str, stream: str) -> None:
    await practise(replays.backbone, learner, 1)
    job = await replays.run(ReplayOrder(projection="progress", stream=stream))
    await replays.backbone.jobs.ask(KIND, job.id, "cancelled")
    await JobRunner(replays.backbone.jobs, {KIND: replays.work}).round(turn=1)
    assert [each async for each in replays.work.rebuild(job).built()] == []
    assert job.id not in [each.id async for each in replays.backbone.jobs.unended()]
    with pytest.raises(Conflict):
        await replays.backbone.jobs.again(KIND, job.id, in_swap)


@pytest.mark.parametrize("loud", [False, True])
async def test_one_subscriber_is_fed_in_order_once_and_quietly_unless_asked(
    replays: Replays, servicebus: str, source: Source, learner: str, stream: str, loud: bool
) -> None:
    """Also with what it has handled before."""
    ids = await practise(replays.backbone, learner, 4)
    order = ReplayOrder(
        source=source, topic="learning-progress", subscriber="progress", stream=stream, side_effects=loud
    )
    handled: list[tuple[str, bool]] = []
    for _ in range(2):
        job = await replays.run(order)
        assert (job.state, job.done, job.cursor["events"]) == ("done", 1, 4)
        await fed(replays, servicebus, stream, 4, lambda received: handled.append((received.event.id, latched())))
    assert handled == [(event_id, not loud) for event_id in [*ids, *ids]]


async def test_a_feed_takes_what_was_recorded_in_its_range(
    replays: Replays, servicebus: str, source: Source, learner: str, stream: str
) -> None:
    for _ in range(3):
        await practise(replays.backbone, learner, 1)
    stored = [each async for each in replays.backbone.store.read(stream)]
    middle = parse_rfc3339(stored[1].recorded_at)
    order = ReplayOrder(
        source=source,
        topic="learning-progress",
        subscriber="progress",
        stream=stream,
        start=middle,
        end=middle + timedelta(milliseconds=1),
    )
    expected = [each.event.id for each in stored if each.recorded_at == stored[1].recorded_at]
    handled: list[str] = []
    job = await replays.run(order)
    assert job.cursor["events"] == len(expected)
    await fed(replays, servicebus, stream, len(expected), lambda received: handled.append(received.event.id))
    assert handled == expected
