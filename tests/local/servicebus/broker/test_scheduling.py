"""Scheduled messages and duplicate detection, in queues and topics.

Documented in learn.microsoft.com/azure/service-bus-messaging/message-sequencing and …/duplicate-detection.
"""

from __future__ import annotations

import uuid

import pytest

from local.servicebus.amqp.codec import Ulong
from local.servicebus.refused import Refused
from tests.local.servicebus.broker.bench import MINUTE, SECOND, Bench
from tests.local.servicebus.messages import message


def test_a_scheduled_message_comes_when_it_is_due(bench: Bench) -> None:
    receiver = bench.receiver("plain", locks=False)
    due = bench.now + MINUTE
    bench.send("plain", "later", due=due)
    bench.send("plain", "now")

    bench.advance(MINUTE - 1)
    assert receiver.bodies == ["now"]
    bench.advance(1)

    assert receiver.bodies == ["now", "later"]
    assert receiver.annotations["x-opt-enqueued-time"] == due
    assert receiver.annotations["x-opt-message-state"] == 0


def test_a_time_that_has_passed_means_now(bench: Bench) -> None:
    bench.send("plain", "late", due=bench.now - MINUTE)

    assert bench.receiver("plain").bodies == ["late"]


def test_a_scheduled_message_can_be_cancelled_until_it_is_due(bench: Bench) -> None:
    queue = bench.broker.destination("plain")
    first, second = queue.send([message(body, due=bench.now + MINUTE) for body in "ab"], bench.now)

    queue.cancel([first])
    bench.advance(MINUTE)

    assert bench.receiver("plain").bodies == ["b"]
    with pytest.raises(Refused) as refusal:
        queue.cancel([second])
    assert refusal.value.condition == "com.microsoft:message-not-found"


def test_cancelling_is_all_or_nothing(bench: Bench) -> None:
    queue = bench.broker.destination("plain")
    [number] = queue.send([message("a", due=bench.now + MINUTE)], bench.now)

    with pytest.raises(Refused):
        queue.cancel([number, 99])

    assert bench.waiting("plain") == ["a"]


def test_time_to_live_of_a_scheduled_message_counts_from_its_due_time(bench: Bench) -> None:
    bench.send("expiring", "a", due=bench.now + 10 * MINUTE)

    bench.advance(10 * MINUTE + 59 * SECOND)
    assert bench.waiting("expiring") == ["a"]
    bench.advance(SECOND)
    assert bench.waiting("expiring") == []


def test_a_topic_holds_scheduled_messages_until_they_are_due(bench: Bench) -> None:
    bench.send("events", "later", due=bench.now + MINUTE)
    topic = bench.broker.destination("events")
    [cancelled] = topic.send([message("never", due=bench.now + MINUTE)], bench.now)
    topic.cancel([cancelled])

    assert bench.waiting("events/Subscriptions/all") == []
    bench.advance(MINUTE)

    assert bench.waiting("events/Subscriptions/all") == ["later"]


def test_the_same_message_id_within_the_window_is_dropped(bench: Bench) -> None:
    bench.send("once", "first", message_id="a")
    bench.advance(4 * MINUTE)
    bench.send("once", "second", message_id="a")

    assert bench.waiting("once") == ["first"]


def test_the_window_counts_from_the_first_message(bench: Bench) -> None:
    bench.send("once", "first", message_id="a")
    bench.advance(4 * MINUTE)
    bench.send("once", "dropped", message_id="a")
    bench.advance(MINUTE)
    bench.send("once", "again", message_id="a")

    assert bench.waiting("once") == ["first", "again"]


def test_a_completed_message_still_counts_as_seen(bench: Bench) -> None:
    bench.receiver("once", locks=False)
    bench.send("once", "first", message_id="a")
    bench.send("once", "second", message_id="a")

    assert bench.waiting("once") == []


def test_duplicates_within_one_batch_are_dropped(bench: Bench) -> None:
    bench.send("once", "a", "b", message_id="same")

    assert bench.waiting("once") == ["a"]


def test_scheduled_messages_count_for_duplicates(bench: Bench) -> None:
    bench.send("once", "later", message_id="a", due=bench.now + MINUTE)
    bench.send("once", "now", message_id="a")

    assert bench.waiting("once") == ["later"]


def test_ids_of_different_types_are_different_ids(bench: Bench) -> None:
    """AMQP 1.0, 3.2.4: a message id is a string, ulong, uuid or binary."""
    some = uuid.uuid4()
    for message_id in (str(some), some, some.bytes, Ulong(7), "7"):
        bench.send("once", "a", message_id=message_id)

    assert len(bench.waiting("once")) == 5


def test_messages_without_an_id_are_never_duplicates(bench: Bench) -> None:
    bench.send("once", "a", "b")

    assert bench.waiting("once") == ["a", "b"]


def test_a_topic_finds_duplicates_before_it_copies(bench: Bench) -> None:
    bench.send("events", "a", message_id="1", tier="gold")
    bench.send("events", "b", message_id="1", tier="gold")

    assert bench.waiting("events/Subscriptions/all") == ["a"]
    assert bench.waiting("events/Subscriptions/gold") == ["a"]
