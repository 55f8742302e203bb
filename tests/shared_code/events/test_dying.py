"""`kill -9` between the steps of parking, retrying and redriving: nothing is lost, and everything is handled once."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid

import pytest

from local.paths import PROJECT
from shared_code.domain.errors import Invalid
from shared_code.events.letter import Selection
from shared_code.events.message import IncomingMessage
from shared_code.events.parking import Parked
from shared_code.events.received import Received
from tests.shared_code.events.backbone import KEY_FILE, Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive_dead_letters, receive_redeliveries
from tests.shared_code.events.test_consumer import Handler
from tests.shared_code.events.test_dead_letters import died, foreign, letters_of
from tests.shared_code.events.test_parking import Handler as Failing
from tests.shared_code.events.test_parking import consume, impatient, line_of, published

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def killed_after(azurite: str, servicebus: str, work: str, step: str, argument: str) -> None:
    command = [sys.executable, "-m", "tests.shared_code.events.dying"]
    process = await asyncio.create_subprocess_exec(
        *command, azurite, servicebus, str(KEY_FILE), work, step, argument, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"here\n", step
    process.kill()
    await process.wait()


async def test_a_kill_between_parking_and_scheduling_is_made_good_by_the_delivery_after_it(
    azurite: str, servicebus: str, backbone: Backbone, learner: str
) -> None:
    (message,) = await published(backbone, learner, 1)
    await killed_after(azurite, servicebus, "consume", "parking.close", message.body.decode())
    assert await backbone.parking.first(line_of(learner)) is not None
    handler = Failing()
    await consume(backbone, message, handler)  # as the bus does: it was not completed
    assert handler.handled == []
    assert await receive_redeliveries(servicebus, line_of(learner).key, count=1)  # the wake-up
    await backbone.retries.work(line_of(learner), handler)
    assert handler.handled == [message.message_id]


@pytest.mark.parametrize(("step", "stored"), [("timeline.note", 0), ("store.append", 1)])
async def test_a_kill_while_an_event_is_kept_leaves_it_kept_or_free(
    azurite: str, servicebus: str, backbone: Backbone, learner: str, step: str, stored: int
) -> None:
    """There is nothing between the event and the mark that it was handled: the next delivery finds both, or neither."""
    event = {**foreign(learner, "sayzhong"), "type": "sayzhong.content.updated.v1"}
    event["data"] = {"content_id": learner, "version": 1, "change": "revised"}
    body, stream = json.dumps(event), stream_of("sayzhong", learner)
    await killed_after(azurite, servicebus, "keep", step, body)

    async def rows() -> list[tuple[str, str]]:
        return [(row.key, row.etag) async for row in backbone.tables.table("events").rows(stream)]

    left = await rows()
    assert len([key for key, _ in left if key[0] == "e"]) == stored
    for _ in range(2):
        before = await rows()
        message = IncomingMessage(body=body.encode())
        await backbone.consumer.consume(message, topic="content", subscriber="audit", handle=None)
        if before:
            assert await rows() == before  # nothing is done a second time
    assert [key[0] for key, _ in await rows()] == ["e", "h", "i"]
    assert await backbone.tables.table("inbox").get(f"audit|{event['id']}", "") is None


@pytest.mark.parametrize("step", ["letters.add", "dead_letters.send"])
async def test_a_kill_while_a_parked_event_dies_makes_one_dead_letter(
    azurite: str, servicebus: str, backbone: Backbone, learner: str, step: str
) -> None:
    """And the event behind it is handled."""
    line, stream = line_of(learner), stream_of("sayzhong", learner)
    events = [practised(learner, f"a-{number}") for number in range(2)]
    stored = await backbone.journal.record(stream, events)
    first, second = (Parked(event_id=each.event.id, version=each.version) for each in stored)
    await backbone.parking.close(line, first.failed("test"), backbone.retries._clock())
    await backbone.parking.behind(line, second)
    await killed_after(azurite, servicebus, "retry", step, line.key)

    handler = Handler()
    await asyncio.sleep(1.5)  # the lease of the one that was killed
    await impatient(backbone).work(line, _RejectsFirst(events[0].id, handler))
    assert [received.event.id for received in handler.handled] == [events[1].id]
    (letter,) = await receive_dead_letters(servicebus, learner, count=2, wait=2)
    assert letter.message_id == f"{events[0].id}:progress"
    found = backbone.letters.summaries("sayzhong", Selection())
    assert len([each async for each in found if each.event_id == events[0].id]) == 1


class _RejectsFirst:
    """The same handler as that of the process that was killed, for this one event."""

    def __init__(self, event_id: str, handler: Handler) -> None:
        self._event_id = event_id
        self._handler = handler

    async def __call__(self, received: Received) -> None:
        if received.event.id == self._event_id:
            raise Invalid("No such lesson.")
        await self._handler(received)


@pytest.mark.parametrize("step", ["redeliveries.deliver", "queue.take"])
async def test_a_kill_in_a_redrive_loses_no_letter_and_handles_none_twice(
    azurite: str, servicebus: str, backbone: Backbone, learner: str, step: str
) -> None:
    tenant = f"school-{uuid.uuid4().hex[:8]}"
    events = [foreign(learner, tenant) for _ in range(3)]
    for event in events:
        await died(backbone, event, "rejected")
    await killed_after(azurite, servicebus, "redrive", step, tenant)
    again = [each async for each in backbone.letters.opened(tenant, Selection())]
    assert len(again) == 3
    await backbone.redrive.redrive(tenant, again, by="op")
    assert await letters_of(backbone, tenant) == []
    assert await receive_dead_letters(servicebus, learner, count=1, wait=1) == []

    handler = Handler()
    key = f"learning-progress|progress|{stream_of(tenant, learner)}"
    messages = await receive_redeliveries(servicebus, key, count=6, wait=2)
    for message in [*messages, *messages]:
        incoming = IncomingMessage(body=message.body, message_id=message.message_id)
        await backbone.consumer.consume(incoming, topic="learning-progress", subscriber="progress", handle=handler)
    assert [received.event.id for received in handler.handled] == [event["id"] for event in events]
    assert json.loads(messages[0].body) == events[0]
