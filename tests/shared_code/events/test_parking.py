"""An event that fails is parked, the learner's later ones behind it; others go on, and nothing is lost or reordered."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Invalid, Unavailable
from shared_code.events import retries
from shared_code.events.line import Line
from shared_code.events.message import IncomingMessage
from shared_code.events.parking import Parked
from shared_code.events.received import Received
from shared_code.events.redelivery import DELAYS
from shared_code.events.retries import Retries
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive_dead_letters, receive_redeliveries

pytestmark = pytest.mark.asyncio(loop_scope="session")
AT_ONCE = (timedelta(), timedelta(), timedelta())


class Handler:
    """Remembers what it handled; fails for the events that it is told of, as often as it is told."""

    def __init__(self, failures: dict[str, tuple[Exception, int]] | None = None) -> None:
        self.handled: list[str] = []
        self.failures = dict(failures or {})

    async def __call__(self, received: Received) -> None:
        failure, left = self.failures.get(received.event.id, (None, 0))
        if failure is not None and left:
            self.failures[received.event.id] = (failure, left - 1)
            raise failure
        self.handled.append(received.event.id)


async def published(backbone: Backbone, learner: str, count: int) -> list[IncomingMessage]:
    """Facts of one learner, as the bus would deliver them."""
    events = [practised(learner, f"a-{number}") for number in range(count)]
    await backbone.journal.record(stream_of("sayzhong", learner), events)
    return [IncomingMessage(body=each.encode(), message_id=each.id, session_id=learner) for each in events]


async def consume(backbone: Backbone, message: IncomingMessage, handler: Handler) -> None:
    await backbone.consumer.consume(message, topic="learning-progress", subscriber="progress", handle=handler)


def line_of(learner: str) -> Line:
    return Line("learning-progress", "progress", stream_of("sayzhong", learner))


def impatient(backbone: Backbone) -> Retries:
    """The same retries, without the delays."""
    return Retries(
        store=backbone.store,
        handling=backbone.handling,
        parking=backbone.parking,
        redeliveries=backbone.redeliveries,
        dead_letters=backbone.dead_letters,
        lake=backbone.lake,
        clock=lambda: utc_now() + DELAYS[0],
        delays=AT_ONCE,
    )


async def test_later_events_wait_behind_a_failing_one_and_are_released_in_order(
    backbone: Backbone, servicebus: str, learner: str
) -> None:
    messages = await published(backbone, learner, 3)
    ids = [message.message_id for message in messages]
    handler = Handler({ids[0]: (Unavailable("down"), 5)})  # once at once, thrice; then twice more
    for message in messages:
        await consume(backbone, message, handler)
    await backbone.retries.work(line_of(learner), handler)  # waked too early
    assert handler.handled == []

    [wake] = await receive_redeliveries(servicebus, line_of(learner).key, count=1)  # after ten seconds
    assert (wake.body, wake.properties["line"]) == (b"", line_of(learner).key)
    await backbone.retries.work(line_of(learner), handler)
    assert handler.handled == ids
    assert await backbone.parking.head(line_of(learner)) is None

    (last,) = await published(backbone, learner, 1)
    await consume(backbone, last, handler)
    assert handler.handled == [*ids, last.message_id]


async def test_another_learner_is_not_delayed(backbone: Backbone, learner: str) -> None:
    (poisoned,) = await published(backbone, learner, 1)
    (healthy,) = await published(backbone, f"{learner}-2", 1)
    handler = Handler({poisoned.message_id: (RuntimeError("poison"), 99)})
    await consume(backbone, poisoned, handler)
    await consume(backbone, healthy, handler)
    assert handler.handled == [healthy.message_id]


async def test_what_fails_once_too_often_is_a_dead_letter_and_nothing_behind_it_stalls(
    backbone: Backbone, servicebus: str, learner: str
) -> None:
    messages = await published(backbone, learner, 3)
    ids = [message.message_id for message in messages]
    handler = Handler({ids[0]: (RuntimeError("a learner's word"), 99), ids[1]: (Invalid("No such lesson."), 99)})
    for message in messages:
        await consume(backbone, message, handler)
    await impatient(backbone).work(line_of(learner), handler)

    assert handler.handled == ids[2:]
    assert await backbone.parking.head(line_of(learner)) is None
    letters = await receive_dead_letters(servicebus, learner, count=2)
    assert [letter.message_id for letter in letters] == [f"{ids[0]}:progress", f"{ids[1]}:progress"]
    assert [letter.properties["DeadLetterReason"] for letter in letters] == ["max-delivery-count", "rejected"]
    assert letters[0].properties["DeadLetterErrorDescription"] == "RuntimeError"  # not what the driver said
    assert letters[0].properties["delivery_count"] == 1 + len(DELAYS)
    assert letters[0].body == messages[0].body


async def test_another_systems_body_is_unchanged_in_the_dead_letter(
    backbone: Backbone, servicebus: str, learner: str
) -> None:
    members: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/partner/app",
        "type": "sayzhong.learning.progress-recorded.v1",
        "subject": learner,
        "data": {"attempt_id": "a-1", "items": [{"hanzi": "你", "pinyin": "ni3", "expected": 3}]},
    }
    body = json.dumps(members).encode()
    handler = Handler({members["id"]: (RuntimeError(), 99)})
    await consume(backbone, IncomingMessage(body=body), handler)
    await impatient(backbone).work(line_of(learner), handler)
    (letter,) = await receive_dead_letters(servicebus, learner, count=1)
    assert letter.body == body


async def test_doubles_of_anything_are_harmless(backbone: Backbone, other: Backbone, learner: str) -> None:
    """Deliveries again, by another instance too, and wake-ups nobody needs."""
    messages = await published(backbone, learner, 2)
    ids = [message.message_id for message in messages]
    handler = Handler({ids[0]: (Unavailable("down"), 3)})
    for message in (*messages, *messages, messages[0]):
        await consume(other if message is messages[1] else backbone, message, handler)
    await asyncio.gather(impatient(backbone).work(line_of(learner), handler), consume(other, messages[1], handler))
    await impatient(other).work(line_of(learner), handler)
    await impatient(backbone).work(line_of(f"{learner}-nobody"), handler)
    assert handler.handled == ids


async def forgotten(backbone: Backbone, learner: str) -> datetime:
    """A closed line that is long overdue, and nobody has asked for a wake-up; when it was due."""
    (message,) = await published(backbone, learner, 1)
    [stored] = [each async for each in backbone.store.read(stream_of("sayzhong", learner))]
    parked = Parked(event_id=message.message_id, version=stored.version).failed("test")
    await backbone.parking.close(line_of(learner), parked, utc_now() - 2 * retries.FORGOTTEN)
    head = await backbone.parking.head(line_of(learner))
    assert head is not None
    return head.due


async def test_a_line_whose_wake_up_was_lost_is_waked_by_the_sweep(
    backbone: Backbone, servicebus: str, learner: str
) -> None:
    await forgotten(backbone, learner)
    assert await backbone.retries.sweep() >= 1
    assert await receive_redeliveries(servicebus, line_of(learner).key, count=1, wait=5)


async def test_a_line_that_nobody_works_on_has_one_wake_up_however_often_it_is_swept(
    backbone: Backbone, servicebus: str, learner: str
) -> None:
    """While the queue stands still: neither the sweep nor what comes in the end makes more of them."""
    due = await forgotten(backbone, learner)
    for _ in range(3):
        await backbone.retries.sweep()
        await backbone.redeliveries.wake(line_of(learner), due)  # by deliveries that come again
        await backbone.redeliveries.wake(line_of(learner), due)
    assert len(await receive_redeliveries(servicebus, line_of(learner).key, count=9, wait=2)) == 2


async def test_wake_ups_that_came_too_many_end_in_one(backbone: Backbone, servicebus: str, learner: str) -> None:
    due = await forgotten(backbone, learner)
    [parked] = [await backbone.parking.first(line_of(learner))]
    assert parked is not None
    await backbone.parking.failed(line_of(learner), parked, utc_now() + timedelta(seconds=4))
    for _ in range(4):
        await backbone.retries.work(line_of(learner), Handler(), waked_for=due)
    assert len(await receive_redeliveries(servicebus, line_of(learner).key, count=9, wait=5)) == 1


async def test_a_wake_up_that_came_too_early_comes_again(backbone: Backbone, servicebus: str, learner: str) -> None:
    """Where clocks are apart: the bus knows the wake-up, and would drop the same one."""
    (message,) = await published(backbone, learner, 1)
    await consume(backbone, message, Handler({message.message_id: (Unavailable("down"), 3)}))
    head = await backbone.parking.head(line_of(learner))
    assert head is not None
    await backbone.retries.work(line_of(learner), Handler(), waked_for=head.due)
    assert len(await receive_redeliveries(servicebus, line_of(learner).key, count=2, wait=15)) == 2
