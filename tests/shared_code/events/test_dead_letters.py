"""Dead letters can be counted, opened, mended, redriven to where they died, and discarded; a crash doubles nothing."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from shared_code.domain.errors import Conflict, Invalid, NotFound
from shared_code.domain.principal import Principal
from shared_code.events import letters
from shared_code.events.delivery import Delivery, delivery_of
from shared_code.events.job import Job
from shared_code.events.job_runner import JobRunner
from shared_code.events.letter import Letter, Selection, Summary
from shared_code.events.letters import CONTAINER, Edit
from shared_code.events.message import IncomingMessage
from shared_code.events.redeliveries import line_of
from shared_code.events.redrive_job import KIND, RedriveJob
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive_dead_letters, receive_redeliveries
from tests.shared_code.events.test_consumer import Handler

pytestmark = pytest.mark.asyncio(loop_scope="session")
OPERATOR = Principal(id="op", tenant="sayzhong", pseudonym="operators-pseudonym", roles=frozenset({"operator"}))
TOPIC, SUBSCRIBER = "learning-progress", "progress"


@pytest.fixture
def tenant() -> str:
    """A tenant whom no other test knows."""
    return f"school-{uuid.uuid4().hex[:8]}"


def foreign(learner: str, tenant: str, **changes: Any) -> dict[str, Any]:
    """An event of another system; without changes it fits."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/partner/app",
        "type": "sayzhong.learning.progress-recorded.v1",
        "subject": learner,
        "tenantid": tenant,
        "data": {"attempt_id": "a-1", "items": [{"hanzi": "你", "pinyin": "ni3", "expected": 3}]},
        **changes,
    }


def misfit(learner: str, tenant: str) -> dict[str, Any]:
    return foreign(
        learner, tenant, data={"attempt_id": "a-1", "items": [{"hanzi": "你", "pinyin": "ni3", "expected": 9}]}
    )


async def died(backbone: Backbone, event: dict[str, Any], reason: Any = "schema", subscriber: str = SUBSCRIBER) -> None:
    message = IncomingMessage(body=json.dumps(event).encode(), session_id=str(event["subject"]))
    await backbone.dead_letters.send(
        message, reason=reason, description="/data: wrong", topic=TOPIC, subscription=subscriber
    )


async def letters_of(backbone: Backbone, tenant: str) -> list[Summary]:
    return [each async for each in backbone.letters.summaries(tenant, Selection())]


async def only_letter(backbone: Backbone, tenant: str) -> Letter:
    (summary,) = await letters_of(backbone, tenant)
    return await backbone.letters.open(tenant, summary.id)


async def redelivered(backbone: Backbone, servicebus: str, learner: str, tenant: str, handler: Handler) -> Delivery:
    """Do what the trigger of the queue `redeliveries` does with the next message of the learner's line."""
    key = f"{TOPIC}|{SUBSCRIBER}|{stream_of(tenant, learner)}"
    (message,) = await receive_redeliveries(servicebus, key, count=1)
    line, delivery = line_of(message), delivery_of(message)
    await backbone.consumer.consume(
        message, topic=line.topic, subscriber=line.subscriber, handle=handler, delivery=delivery
    )
    return delivery


async def test_letters_are_grouped_paged_and_of_one_tenant(backbone: Backbone, learner: str, tenant: str) -> None:
    for number in range(3):
        await died(backbone, misfit(f"{learner}-{number}", tenant))
    await died(backbone, foreign(learner, tenant), "rejected")
    await died(backbone, foreign(learner, tenant), "rejected", "effectiveness")
    await died(backbone, foreign(learner, f"{tenant}-2"), "rejected")

    groups, complete = await backbone.letters.groups(tenant, Selection())
    assert complete
    assert [(group.reason, group.subscriber, group.count) for group in groups] == [
        ("schema", "progress", 3),
        ("rejected", "progress", 1),
        ("rejected", "effectiveness", 1),
    ]
    everything = await letters_of(backbone, tenant)
    first = [each async for each in backbone.letters.summaries(tenant, Selection(), limit=2)]
    rest = [each async for each in backbone.letters.summaries(tenant, Selection(), after=first[-1].id)]
    assert [*first, *rest] == everything
    chosen = [each async for each in backbone.letters.summaries(tenant, Selection(subscriber="effectiveness"))]
    assert [each.subscriber for each in chosen] == ["effectiveness"]
    with pytest.raises(NotFound):
        await backbone.letters.open(f"{tenant}-2", everything[0].id)


async def test_of_very_many_letters_the_oldest_are_counted_and_it_is_said(
    backbone: Backbone, learner: str, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MOST_COUNTED", 2)
    for complete in (True, True, False):
        await died(backbone, foreign(learner, tenant), "rejected")
        groups, all_of_them = await backbone.letters.groups(tenant, Selection())
        assert all_of_them is complete
    assert [group.count for group in groups] == [2]


async def test_a_letter_that_is_sent_twice_is_one(backbone: Backbone, learner: str, tenant: str) -> None:
    event = misfit(learner, tenant)
    await died(backbone, event)
    await died(backbone, event)
    letter = await only_letter(backbone, tenant)
    assert json.loads(letter.body) == event
    assert letter.description == "/data: wrong"


async def test_a_letter_is_the_tenant_s_whose_its_event_is_whatever_its_message_says(
    backbone: Backbone, learner: str, tenant: str
) -> None:
    """Of an event that names no tenant, consumers know whose it is, and so whose erasure must reach it."""
    event = foreign(learner, tenant)
    del event["tenantid"]
    message = IncomingMessage(
        body=json.dumps(event).encode(), session_id=learner, properties={"tenantid": tenant, "type": event["type"]}
    )
    await backbone.dead_letters.send(message, reason="rejected", description="no", topic=TOPIC, subscription=SUBSCRIBER)
    assert await letters_of(backbone, tenant) == []
    mine = stream_of("sayzhong", learner)
    found = backbone.letters.summaries("sayzhong", Selection())
    assert [each.event_id async for each in found if each.learner == mine] == [event["id"]]
    await backbone.letters.forget("sayzhong", mine)


async def test_what_is_inside_is_sealed_and_goes_with_the_learner(
    backbone: Backbone, learner: str, tenant: str
) -> None:
    await died(backbone, misfit(learner, tenant))
    rows = [row async for row in backbone.tables.table("deadletters").rows(tenant)]
    assert learner.encode() not in b"".join(str(row.values).encode() for row in rows)
    await backbone.keys.erase(stream_of(tenant, learner))
    letter = await only_letter(backbone, tenant)
    assert (letter.erased, letter.body, letter.session_id) == (True, b"", "")
    await backbone.redrive.redrive(tenant, [letter], by="op")
    assert await letters_of(backbone, tenant) == []


async def test_forgetting_a_learner_strikes_off_that_learner_s_letters_alone(
    backbone: Backbone, learner: str, tenant: str
) -> None:
    await died(backbone, misfit(learner, tenant))
    await died(backbone, misfit(f"{learner}-2", tenant))
    await backbone.letters.forget(tenant, stream_of(tenant, learner))
    (left,) = await letters_of(backbone, tenant)
    assert left.learner == stream_of(tenant, f"{learner}-2")


async def test_a_mended_letter_is_redriven_to_its_own_subscription_and_handled_once(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    event = misfit(learner, tenant)
    await died(backbone, event)
    letter = await only_letter(backbone, tenant)
    outcome = await backbone.redrive.redrive(tenant, [letter], by="op")
    assert ([each for each, _ in outcome.refused], outcome.accepted) == ([letter], [])

    mended = foreign(learner, tenant, id=event["id"])
    edit = await backbone.mending.mend(letter, mended, OPERATOR, seen=letter.digest)
    assert (edit.by, edit.before) == ("operators-pseudonym", letter.digest)
    with pytest.raises(Conflict):
        await backbone.mending.mend(letter, mended, OPERATOR, seen=letter.digest)  # not what it was
    letter = await only_letter(backbone, tenant)
    assert (letter.digest, letter.summary.edited) == (edit.after, 1)
    assert await backbone.letters.edits(tenant, letter.summary.id) == [edit]

    await backbone.redrive.redrive(tenant, [letter], by="op")
    assert await letters_of(backbone, tenant) == []
    assert await receive_dead_letters(servicebus, learner, count=1, wait=2) == []
    handler = Handler()
    assert (await redelivered(backbone, servicebus, learner, tenant, handler)).redriven == 1
    assert [received.event.id for received in handler.handled] == [event["id"]]
    assert await backbone.letters.edits(tenant, letter.summary.id) == [edit]


@pytest.mark.parametrize(
    "changes", [{"id": "another"}, {"tenantid": "another"}, {"type": "sayzhong.session.ended.v1"}, {"data": {}}]
)
async def test_an_edit_leaves_an_event_what_it_is(
    backbone: Backbone, learner: str, tenant: str, changes: dict[str, Any]
) -> None:
    event = misfit(learner, tenant)
    await died(backbone, event)
    letter = await only_letter(backbone, tenant)
    with pytest.raises(Invalid):
        await backbone.mending.mend(letter, foreign(learner, tenant, **({"id": event["id"]} | changes)), OPERATOR)
    assert await backbone.letters.edits(tenant, letter.summary.id) == []


async def test_a_letter_that_is_mended_to_be_about_somebody_else_goes_with_their_key(
    backbone: Backbone, learner: str, tenant: str
) -> None:
    event = misfit(f"mistyped-{learner}", tenant)
    await died(backbone, event)
    mended = foreign(learner, tenant, id=event["id"])
    await backbone.mending.mend(await only_letter(backbone, tenant), mended, OPERATOR)
    letter = await only_letter(backbone, tenant)
    assert (json.loads(letter.body), letter.summary.learner) == (mended, stream_of(tenant, learner))
    await backbone.keys.erase(stream_of(tenant, learner))
    assert (await only_letter(backbone, tenant)).erased
    await backbone.letters.forget(tenant, stream_of(tenant, learner))
    assert await letters_of(backbone, tenant) == []


async def test_a_letter_of_a_subscription_that_is_no_more_stays(backbone: Backbone, learner: str, tenant: str) -> None:
    await died(backbone, foreign(learner, tenant), "rejected", "gone")
    letter = await only_letter(backbone, tenant)
    outcome = await backbone.redrive.redrive(tenant, [letter], by="op")
    assert [(each, fault.code) for each, fault in outcome.refused] == [(letter, "subscription-gone")]
    assert await letters_of(backbone, tenant) == [letter.summary]


async def test_a_stored_fact_is_not_edited(backbone: Backbone, learner: str) -> None:
    event = practised(learner)
    await backbone.journal.record(stream_of("sayzhong", learner), [event])
    await died(backbone, json.loads(event.encode()), "rejected")
    found = backbone.letters.summaries("sayzhong", Selection())
    (summary,) = [each async for each in found if each.event_id == event.id]
    letter = await backbone.letters.open("sayzhong", summary.id)
    with pytest.raises(Conflict, match="event store"):
        await backbone.mending.mend(letter, json.loads(event.encode()), OPERATOR)
    await backbone.redrive.discard("sayzhong", letter, by="op", why="test")


async def test_what_dies_again_is_a_letter_again(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    """Though the queue remembers the message's id for a while."""
    event = foreign(learner, tenant)
    await died(backbone, event, "rejected")
    await backbone.redrive.redrive(tenant, [await only_letter(backbone, tenant)], by="op")
    await redelivered(backbone, servicebus, learner, tenant, Handler(Invalid("No such lesson.")))
    letter = await only_letter(backbone, tenant)
    assert (letter.summary.redriven, letter.summary.reason) == (1, "rejected")
    (queued,) = await receive_dead_letters(servicebus, learner, count=1)
    assert queued.message_id == f"{event['id']}:progress:1"

    handler = Handler()
    await backbone.redrive.redrive(tenant, [letter], by="op")
    assert (await redelivered(backbone, servicebus, learner, tenant, handler)).redriven == 2
    assert len(handler.handled) == 1


async def test_others_in_the_queue_stay_as_they_are(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    """Also those before it in the same session, and their delivery count."""
    events = [foreign(learner, tenant) for _ in range(3)]
    for event in events:
        await died(backbone, event, "rejected")
    middle = (await letters_of(backbone, tenant))[1]
    letter = await backbone.letters.open(tenant, middle.id)
    await backbone.redrive.discard(tenant, letter, by="op", why="of-no-use")
    left = await receive_dead_letters(servicebus, learner, count=3, wait=2)
    assert [json.loads(each.body)["id"] for each in left] == [events[0]["id"], events[2]["id"]]
    assert {each.delivery_count for each in left} == {1}


async def test_a_letter_too_large_for_the_queue_is_there_without_its_body(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    """The console has it whole, and nothing goes round in circles."""
    event = foreign(learner, tenant, padding="x" * 1_048_000)
    await died(backbone, event, "max-delivery-count")
    (queued,) = await receive_dead_letters(servicebus, learner, count=1)
    assert (queued.body, queued.properties["body_omitted"]) == (b"", True)
    assert json.loads((await only_letter(backbone, tenant)).body) == event


async def test_of_two_edits_of_a_large_letter_at_once_the_one_on_record_is_what_is_in_it(
    backbone: Backbone, other: Backbone, learner: str, tenant: str
) -> None:
    event = foreign(learner, tenant, padding="x" * 100_000)
    await died(backbone, event, "rejected")
    await died(backbone, event, "rejected")
    letter = (await only_letter(backbone, tenant)).summary
    for round_ in range(5):
        bodies = [json.dumps(event | {"padding": f"{round_}{who}" * 50_000}).encode() for who in "ab"]
        outcomes = await asyncio.gather(
            *(
                each.letters.edit(tenant, letter.id, body, OPERATOR)
                for each, body in zip((backbone, other), bodies, strict=True)
            ),
            return_exceptions=True,
        )
        assert all(isinstance(each, Edit | Conflict) for each in outcomes)
        record = (await backbone.letters.edits(tenant, letter.id))[-1]
        assert (await backbone.letters.open(tenant, letter.id)).digest == record.after
    assert len([name async for name in backbone.blobs.names(CONTAINER, f"{letter.id}")]) == 1
    await backbone.letters.remove(tenant, [(await backbone.letters.open(tenant, letter.id)).summary])
    assert [name async for name in backbone.blobs.names(CONTAINER, f"{letter.id}")] == []


async def test_a_large_letter_that_is_edited_between_its_row_and_its_body_is_read_as_it_is_now(
    backbone: Backbone, other: Backbone, learner: str, tenant: str
) -> None:
    for _ in range(2):
        await died(backbone, foreign(learner, tenant, padding="x" * 100_000), "rejected")
    reading = backbone.letters.opened(tenant, Selection())  # the rows of a page, then one body after the other
    first = await anext(reading)
    [second] = [each async for each in other.letters.summaries(tenant, Selection(), after=first.summary.id)]
    mended = json.dumps({"padding": "y" * 100_000}).encode()
    await other.letters.edit(tenant, second.id, mended, OPERATOR)
    read = await anext(reading)
    assert not read.erased
    assert read.body == mended


async def finished(runner: JobRunner, backbone: Backbone, job: Job) -> Job:
    for _ in range(20):
        await runner.round(turn=60)
        job = await backbone.jobs.get(KIND, job.id)
        if job.state != "running":
            return job
    raise AssertionError(job)


async def test_a_group_is_redriven_as_a_job(backbone: Backbone, servicebus: str, learner: str, tenant: str) -> None:
    runner = JobRunner(backbone.jobs, {KIND: RedriveJob(backbone.letters, backbone.redrive)})
    for _ in range(4):
        await died(backbone, foreign(learner, tenant), "rejected")
    await died(backbone, misfit(learner, tenant), "rejected")
    await died(backbone, foreign(learner, tenant), "rejected", "effectiveness")

    job = await backbone.jobs.start(KIND, Selection(subscriber=SUBSCRIBER), OPERATOR, tenant)
    await backbone.jobs.ask(KIND, job.id, "paused")
    await runner.round(turn=1)
    assert (await backbone.jobs.get(KIND, job.id)).done == 0
    await backbone.jobs.ask(KIND, job.id, "running")
    job = await finished(runner, backbone, job)
    assert (job.state, job.total, job.done, job.skipped) == ("done", 5, 4, 1)
    with pytest.raises(Conflict):
        await backbone.jobs.ask(KIND, job.id, "paused")

    assert len(await letters_of(backbone, tenant)) == 2
    handler = Handler()
    for _ in range(4):
        await redelivered(backbone, servicebus, learner, tenant, handler)
    assert len({received.event.id for received in handler.handled}) == 4
