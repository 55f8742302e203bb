from __future__ import annotations

import asyncio
import uuid

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, Unavailable
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.decoding import decode
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.interaction import SessionStarted
from shared_code.storage.rows import Row
from tests.ports import free_ports
from tests.shared_code.events.backbone import Backbone, backbone_on, practised, stream_of
from tests.shared_code.events.receiving import receive

pytestmark = pytest.mark.asyncio(loop_scope="session")


def session_started(learner: str) -> CloudEvent:
    return event_of(
        SessionStarted(session_id="session-1", mode="practice"),
        subject=learner,
        tenant="sayzhong",
        correlation_id=str(uuid.uuid4()),
        now=utc_now(),
    )


def nowhere() -> str:
    """A Service Bus namespace that is down."""
    key = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE"
    return f"Endpoint=sb://localhost:{free_ports(1)[0]};{key};UseDevelopmentEmulator=true;"


async def test_facts_are_stored_published_and_no_longer_pending(
    backbone: Backbone, servicebus: str, stream: str, learner: str
) -> None:
    progress, started = practised(learner), session_started(learner)
    stored = await backbone.journal.record(stream, [progress, started])

    assert [each.version for each in stored] == [1, 2]
    assert [each.event async for each in backbone.store.read(stream)] == [progress, started]
    assert await backbone.pending.of_stream(stream) == []
    assert await backbone.store.by_correlation(progress.correlationid) == [stored[0]]

    (message,) = await receive(servicebus, "learning-progress", "progress", learner, count=1)
    assert decode(message.body, received_at=utc_now()).event == progress
    assert (message.message_id, message.session_id) == (progress.id, learner)
    assert message.content_type == "application/cloudevents+json"
    assert message.properties == {
        "type": progress.type,
        "correlationid": progress.correlationid,
        "tenantid": "sayzhong",
    }


async def test_facts_recorded_twice_are_stored_once_and_delivered_once(
    backbone: Backbone, other: Backbone, servicebus: str, stream: str, learner: str
) -> None:
    event = practised(learner)
    first = await backbone.journal.record(stream, [event])
    assert await other.journal.record(stream, [event]) == first
    assert await backbone.journal.record(stream, [event]) == first
    last = practised(learner)
    await backbone.journal.record(stream, [last])
    messages = await receive(servicebus, "learning-progress", "progress", learner, count=2)
    assert [message.message_id for message in messages] == [event.id, last.id]  # a double would come before the last
    assert await backbone.pending.of_stream(stream) == []


async def test_nothing_to_record_is_nothing(backbone: Backbone, stream: str) -> None:
    assert await backbone.journal.record(stream, []) == []


async def test_a_conflict_leaves_no_trace(backbone: Backbone, stream: str, learner: str) -> None:
    await backbone.journal.record(stream, [practised(learner)], expected_version=0)
    with pytest.raises(Conflict):
        await backbone.journal.record(stream, [practised(learner)], expected_version=0)
    assert await backbone.pending.of_stream(stream) == []
    assert len([each async for each in backbone.store.read(stream)]) == 1


async def test_one_learner_s_facts_arrive_in_the_order_of_their_versions(
    backbone: Backbone, other: Backbone, servicebus: str, stream: str, learner: str
) -> None:
    """E9: from two instances at once, twelve facts."""
    journals = (backbone.journal, other.journal)
    await asyncio.gather(*(journals[number % 2].record(stream, [practised(learner)]) for number in range(12)))
    await backbone.sweeper.sweep()

    stored = [each.event.id async for each in backbone.store.read(stream)]
    messages = await receive(servicebus, "learning-progress", "progress", learner, count=12)
    assert [message.message_id for message in messages] == stored
    assert await backbone.pending.of_stream(stream) == []


async def test_while_service_bus_is_down_facts_are_accepted_and_go_out_in_order_when_it_is_back(
    azurite: str, servicebus: str, stream: str, learner: str
) -> None:
    events = [practised(learner) for _ in range(4)]
    async with backbone_on(azurite, nowhere()) as cut_off:
        for event in events[:3]:
            await cut_off.journal.record(stream, [event])
        with pytest.raises(Unavailable):
            await cut_off.bus.send("content", [])
        assert len(await cut_off.pending.of_stream(stream)) == 3

    async with backbone_on(azurite, servicebus) as back:
        await back.journal.record(stream, [events[3]])  # the next fact takes the others along, before itself
        assert await back.pending.of_stream(stream) == []
    messages = await receive(servicebus, "learning-progress", "progress", learner, count=4)
    assert [message.message_id for message in messages] == [event.id for event in events]


async def test_a_long_backlog_is_the_sweeper_s_and_later_facts_wait_behind_it(
    azurite: str, servicebus: str, stream: str, learner: str
) -> None:
    events = [practised(learner) for _ in range(14)]
    async with backbone_on(azurite, nowhere()) as cut_off:
        for event in events[:13]:
            await cut_off.journal.record(stream, [event])
    async with backbone_on(azurite, servicebus) as back:
        await back.journal.record(stream, [events[13]])
        assert len(await back.pending.of_stream(stream)) == 14
        swept = await back.sweeper.sweep()
        assert swept.published >= 14
        assert await back.pending.of_stream(stream) == []
    messages = await receive(servicebus, "learning-progress", "progress", learner, count=14)
    assert [message.message_id for message in messages] == [event.id for event in events]


async def test_the_lake_says_what_was_published(backbone: Backbone, stream: str, learner: str) -> None:
    event = practised(learner)
    await backbone.journal.record(stream, [event])
    await backbone.lake.flush()
    found = [name async for name in backbone.blobs.names("integration", "event_bus/event_publication_logs/")]
    blob = await backbone.blobs.get("integration", next(name for name in found if backbone.lake.writer in name))
    assert blob is not None
    text = blob.data.decode()
    assert event.id in text
    assert '"outcome":"published"' in text
    assert stream in text
    assert learner not in text


async def test_what_the_sweeper_gave_up_on_is_noted_again_when_it_is_recorded_after_all(
    backbone: Backbone, servicebus: str, stream: str, learner: str
) -> None:
    """A process that stood still between note and append, or a step that runs again after a crash."""
    event = practised(learner)
    await backbone.pending.note(stream, [event.id])
    swept = await backbone.sweeper.sweep()
    assert swept.given_up >= 1
    assert await backbone.pending.of_stream(stream) == []

    (stored,) = await backbone.journal.record(stream, [event])
    assert stored.version == 1
    (message,) = await receive(servicebus, "learning-progress", "progress", learner, count=1)
    assert message.message_id == event.id
    assert await backbone.pending.of_stream(stream) == []


async def test_one_stream_s_broken_row_keeps_nobody_else_s_facts_from_going_out(
    azurite: str, servicebus: str, stream: str, learner: str
) -> None:
    event, others = practised(learner), [practised(f"{learner}-{number}") for number in range(20)]
    async with backbone_on(azurite, nowhere()) as cut_off:
        for each in (event, *others):
            await cut_off.journal.record(stream_of("sayzhong", each.subject), [each])
        table = cut_off.tables.table("events")
        row = await table.get(stream, "e0000000001")
        assert row is not None
        await table.put(Row(stream, row.key, {**row.values, "sealed": b"not sealed"}))
    async with backbone_on(azurite, servicebus) as back:
        assert (await back.sweeper.sweep()).failed == 1
        for each in others:
            assert await back.pending.of_stream(stream_of("sayzhong", each.subject)) == []
        assert len(await back.pending.of_stream(stream)) == 1
        for note in await back.pending.of_stream(stream):
            await back.pending.clear(note)  # it would fail in every other sweep


async def test_the_sweeper_leaves_young_notes_to_those_who_wrote_them(
    backbone: Backbone, stream: str, learner: str
) -> None:
    from shared_code.events.sweeper import Sweeper

    patient = Sweeper(backbone.pending, backbone.outbox, utc_now)
    await backbone.pending.note(stream, [practised(learner).id])
    await patient.sweep()
    assert len(await backbone.pending.of_stream(stream)) == 1
    await backbone.sweeper.sweep()
