from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest

from shared_code.domain.errors import Conflict, Invalid, Unavailable
from shared_code.domain.events.learning import ProgressRecorded
from shared_code.events.message import LARGE, IncomingMessage
from shared_code.events.received import Received
from tests.shared_code.events.backbone import Backbone, backbone_on, practised
from tests.shared_code.events.receiving import receive, receive_dead_letters

pytestmark = pytest.mark.asyncio(loop_scope="session")


WRONG_TONE = {"hanzi": "你", "pinyin": "nǐ", "expected": 9}


class Handler:
    """Remembers what it handled, and fails first with what it is given."""

    def __init__(self, *failures: Exception) -> None:
        self.handled: list[Received] = []
        self._failures = list(failures)

    async def __call__(self, received: Received) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.handled.append(received)


def foreign(learner: str, **changes: Any) -> bytes:
    """A progress event with no more than what another system must write; `...` leaves a member out."""
    members: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/partner/app",
        "type": "sayzhong.learning.progress-recorded.v1",
        "subject": learner,
        "data": {"attempt_id": "a-1", "items": [{"hanzi": "你", "pinyin": "ni3", "expected": 3}]},
    }
    members |= changes
    return json.dumps({name: value for name, value in members.items() if value is not ...}).encode()


async def consume(backbone: Backbone, message: IncomingMessage, handle: Handler, subscriber: str = "progress") -> None:
    await backbone.consumer.consume(message, topic="learning-progress", subscriber=subscriber, handle=handle)


async def processing_log(backbone: Backbone, text: str) -> list[dict[str, Any]]:
    """The lines of this process's log that hold a text."""
    await backbone.lake.flush()
    found = []
    async for name in backbone.blobs.names("integration", "event_bus/event_processing_logs/"):
        if backbone.lake.writer in name:
            blob = await backbone.blobs.get("integration", name)
            assert blob is not None
            found += [json.loads(line) for line in blob.data.splitlines() if text.encode() in line]
    return found


async def test_our_own_event_is_handled_once_however_often_it_is_delivered(
    backbone: Backbone, other: Backbone, servicebus: str, stream: str, learner: str
) -> None:
    """E1: also by another instance, also under another message id."""
    event = practised(learner)
    (stored,) = await backbone.journal.record(stream, [event])
    (message,) = await receive(servicebus, "learning-progress", "progress", learner, count=1)
    handler = Handler()
    for instance in (backbone, other, backbone):
        await consume(instance, message, handler)
    await consume(other, IncomingMessage(body=message.body, message_id="another"), handler)

    assert [received.event for received in handler.handled] == [event]
    (received,) = handler.handled
    assert (received.stream, received.version) == (stream, stored.version)
    assert isinstance(received.data, ProgressRecorded)
    lines = await processing_log(backbone, event.id)
    assert [line["outcome"] for line in lines] == ["handled", "duplicate"]  # this process's
    assert {line["learner"] for line in lines} == {stream}
    assert learner not in json.dumps(lines)


async def test_a_foreign_event_is_stored_before_it_is_handled(backbone: Backbone, stream: str, learner: str) -> None:
    handler = Handler()
    body = foreign(learner)
    await consume(backbone, IncomingMessage(body=body), handler)
    await consume(backbone, IncomingMessage(body=body), handler)
    await consume(backbone, IncomingMessage(body=body), handler, subscriber="interaction")

    assert len(handler.handled) == 2
    first, second = handler.handled
    assert first == second
    stored = [each async for each in backbone.store.read(stream)]
    assert [each.event for each in stored] == [first.event]
    assert await backbone.store.by_correlation(first.event.correlationid) == stored
    assert first.data.items[0].pinyin == "nǐ"
    assert await backbone.pending.of_stream(stream) == []


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"data": {"attempt_id": "a", "items": [WRONG_TONE]}}, "/data/items/0/expected"),
        ({"type": "sayzhong.learning.progress-recorded.v2"}, "/type"),
        ({"type": "sayzhong.unheard.of.v1"}, "/type"),
        ({"type": "sayzhong.session.started.v1", "data": {"session_id": "s", "mode": "practice"}}, "/type"),
        ({"specversion": "0.3"}, "/specversion"),
    ],
)
async def test_what_does_not_fit_is_a_dead_letter_that_says_where(
    backbone: Backbone, servicebus: str, learner: str, changes: dict[str, Any], pointer: str
) -> None:
    """E4: and the message is done with, so that nothing behind it stalls."""
    handler = Handler()
    body = foreign(learner, correlationid=str(uuid.uuid4()), **changes)
    await consume(backbone, IncomingMessage(body=body, session_id=learner, delivery_count=2), handler)
    await consume(backbone, IncomingMessage(body=body, session_id=learner, delivery_count=3), handler)  # a redelivery

    assert handler.handled == []
    (letter,) = await receive_dead_letters(servicebus, learner, count=1)
    members = json.loads(body)
    assert letter.body == body
    assert letter.message_id == f"{members['id']}:progress"
    assert str(letter.properties["DeadLetterErrorDescription"]).startswith(pointer)
    assert letter.properties["DeadLetterReason"] == "schema"
    assert letter.properties["topic"] == "learning-progress"
    assert letter.properties["subscription"] == "progress"
    assert letter.properties["delivery_count"] == 2
    assert letter.properties["correlationid"] == members["correlationid"]
    assert "failed_at" in letter.properties


@pytest.mark.parametrize(
    "body", [b"\xff\x00not json", b"[]", b"{}", b"", b'{"a":' + b"[" * 100_000, b'{"a":' + b"[" * 99 + b"]" * 99 + b"}"]
)
async def test_garbage_is_a_dead_letter_under_the_message_s_own_names(
    backbone: Backbone, servicebus: str, learner: str, body: bytes
) -> None:
    message_id = str(uuid.uuid4())
    await consume(backbone, IncomingMessage(body=body, message_id=message_id, session_id=learner), Handler())
    (letter,) = await receive_dead_letters(servicebus, learner, count=1)
    assert (letter.body, letter.message_id) == (body, f"{message_id}:progress")
    assert letter.properties["DeadLetterReason"] == "schema"


async def test_an_event_whose_acceptance_over_http_was_given_up_on_is_taken_from_the_bus(
    backbone: Backbone, stream: str, learner: str
) -> None:
    """Its sender heard nothing from a process that died between note and append, and sent it to the bus instead."""
    body, handler = foreign(learner), Handler()
    event_id = json.loads(body)["id"]
    note = await backbone.pending.note(stream, [event_id])
    assert await backbone.outbox.give_up(note)
    await consume(backbone, IncomingMessage(body=body), handler)
    assert [received.event.id for received in handler.handled] == [event_id]
    assert await backbone.store.find(stream, event_id) is not None


async def test_what_the_handler_rejects_is_a_dead_letter(backbone: Backbone, servicebus: str, learner: str) -> None:
    await consume(backbone, IncomingMessage(body=foreign(learner)), Handler(Invalid("No such lesson.")))
    (letter,) = await receive_dead_letters(servicebus, learner, count=1)
    assert letter.properties["DeadLetterReason"] == "rejected"
    assert letter.properties["DeadLetterErrorDescription"] == "No such lesson."


@pytest.mark.parametrize("failure", [Unavailable("later"), Conflict("lost a race"), RuntimeError("a fault of ours")])
async def test_what_passes_soon_is_handled_in_the_same_delivery(
    backbone: Backbone, learner: str, failure: Exception
) -> None:
    handler = Handler(failure)
    body = foreign(learner)
    await consume(backbone, IncomingMessage(body=body), handler)
    assert len(handler.handled) == 1
    lines = await processing_log(backbone, json.loads(body)["id"])
    assert [line["outcome"] for line in lines] == ["handled"]


async def test_what_cannot_even_be_parked_is_left_to_the_bus(servicebus: str, learner: str) -> None:
    nobody = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a;"
    storage = f"{nobody}BlobEndpoint=http://127.0.0.1:9/a;"
    async with backbone_on(storage, servicebus) as lost:
        handler = Handler()
        with pytest.raises(Unavailable):
            await consume(lost, IncomingMessage(body=foreign(learner)), handler)
        assert handler.handled == []


async def test_a_large_event_reaches_its_handler_whole(
    backbone: Backbone, servicebus: str, stream: str, learner: str
) -> None:
    """On the bus it is a reference; one that refers to nothing is a dead letter."""
    event = practised(learner)
    event = msgspec.structs.replace(event, data={**event.data, "filling": "x" * LARGE})
    await backbone.journal.record(stream, [event])
    (message,) = await receive(servicebus, "learning-progress", "progress", learner, count=1)
    assert len(message.body) < 1000
    handler = Handler()
    await consume(backbone, message, handler)
    (received,) = handler.handled
    assert received.event == event
    assert isinstance(received.data, ProgressRecorded)

    nothing = json.loads(message.body) | {"id": "nothing-here"}
    await consume(backbone, IncomingMessage(body=json.dumps(nothing).encode(), session_id=learner), handler)
    (letter,) = await receive_dead_letters(servicebus, learner, count=1)
    assert letter.properties["DeadLetterReason"] == "rejected"
    assert "/dataref" in str(letter.properties["DeadLetterErrorDescription"])
    assert len(handler.handled) == 1


async def test_an_erased_learner_s_event_is_dropped(backbone: Backbone, stream: str, learner: str) -> None:
    event = practised(learner)
    await backbone.store.append(stream, [event])
    await backbone.keys.erase(stream)
    handler = Handler()
    await consume(backbone, IncomingMessage(body=event.encode(), session_id=learner), handler)
    assert handler.handled == []
    assert [line["outcome"] for line in await processing_log(backbone, event.id)] == ["erased"]
