"""Delivery and settlement of a plain queue.

Documented in learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement unless a test says
otherwise.
"""

from __future__ import annotations

import pytest

from local.servicebus.broker.queue import Settlement
from local.servicebus.refused import Refused
from tests.local.servicebus.broker.bench import MINUTE, SECOND, Bench, Receiver


def test_messages_come_in_the_order_of_their_numbers(bench: Bench) -> None:
    """service-bus-messaging/message-sequencing: numbers are unique in an entity and rise."""
    bench.send("plain", "a", "b", "c")

    receiver = bench.receiver("plain")

    assert receiver.bodies == ["a", "b", "c"]
    assert receiver.numbers == [1, 2, 3]


def test_a_receiver_gets_no_more_than_its_credit(bench: Bench) -> None:
    """AMQP 1.0, 2.6.7."""
    bench.send("plain", "a", "b", "c")

    receiver = bench.receiver("plain", credit=2)
    assert receiver.bodies == ["a", "b"]

    receiver.credit = 1
    bench.queue("plain").pump(receiver, bench.now)
    assert receiver.bodies == ["a", "b", "c"]


def test_receivers_take_turns(bench: Bench) -> None:
    """service-bus-messaging/service-bus-queues-topics-subscriptions: competing consumers."""
    first, second = bench.receiver("plain"), bench.receiver("plain")

    bench.send("plain", "a", "b", "c", "d")

    assert (first.bodies, second.bodies) == (["a", "c"], ["b", "d"])


def test_a_completed_message_is_gone(bench: Bench) -> None:
    bench.send("plain", "a")
    receiver = bench.receiver("plain")

    bench.queue("plain").settle(receiver.token, Settlement.COMPLETE, bench.now)

    assert bench.waiting("plain") == []


def test_a_message_cannot_be_settled_twice(bench: Bench) -> None:
    bench.send("plain", "a")
    receiver = bench.receiver("plain")
    bench.queue("plain").settle(receiver.token, Settlement.COMPLETE, bench.now)

    with pytest.raises(Refused) as refusal:
        bench.queue("plain").settle(receiver.token, Settlement.COMPLETE, bench.now)
    assert refusal.value.condition == "com.microsoft:message-lock-lost"


def test_received_and_deleted_is_gone_at_once(bench: Bench) -> None:
    bench.send("plain", "a")

    receiver = bench.receiver("plain", locks=False)

    assert receiver.bodies == ["a"]
    assert bench.waiting("plain") == []


def test_an_abandoned_message_comes_again_first_and_counted(bench: Bench) -> None:
    bench.send("plain", "a", "b")
    receiver = bench.receiver("plain", credit=1)

    receiver.credit = 1
    bench.queue("plain").settle(receiver.token, Settlement.ABANDON, bench.now)

    assert receiver.bodies == ["a", "a"]
    assert receiver.delivery_counts == [0, 1]
    assert receiver.numbers == [1, 1]


def test_abandoning_can_change_properties(bench: Bench) -> None:
    """service-bus-amqp-protocol-guide: modified with message-annotations."""
    bench.send("plain", "a", kept="k", changed="old")
    receiver = bench.receiver("plain")

    bench.queue("plain").settle(receiver.token, Settlement.ABANDON, bench.now, {"changed": "new", "added": 1})

    assert receiver.properties == {"kept": "k", "changed": "new", "added": 1}


def test_a_released_message_comes_again_uncounted(bench: Bench) -> None:
    """AMQP 1.0, 3.4.4."""
    bench.send("plain", "a")
    receiver = bench.receiver("plain")

    bench.queue("plain").settle(receiver.token, Settlement.RELEASE, bench.now)

    assert receiver.delivery_counts == [0, 0]


def test_max_delivery_count_dead_letters(bench: Bench) -> None:
    """service-bus-dead-letter-queues: MaxDeliveryCount deliveries, then the reason MaxDeliveryCountExceeded."""
    bench.send("plain", "a")
    receiver = bench.receiver("plain")

    for _ in range(3):
        bench.queue("plain").settle(receiver.token, Settlement.ABANDON, bench.now)

    dead = bench.dead_letters("plain")
    assert receiver.delivery_counts == [0, 1, 2]
    assert dead.bodies == ["a"]
    assert dead.properties["DeadLetterReason"] == "MaxDeliveryCountExceeded"
    assert bench.waiting("plain") == []


def test_a_dead_letter_keeps_what_it_was_and_says_why(bench: Bench) -> None:
    """service-bus-dead-letter-queues."""
    bench.send("plain", "filler", "a", subject="attempt", own="property")
    enqueued = bench.now
    receiver = bench.receiver("plain")
    bench.advance(SECOND)

    bench.queue("plain").settle(receiver.token, Settlement.DEAD_LETTER, bench.now, {"DeadLetterReason": "schema"})

    dead = bench.dead_letters("plain")
    assert dead.properties == {"own": "property", "DeadLetterReason": "schema"}
    assert dead.annotations["x-opt-enqueued-time"] == enqueued
    assert dead.annotations["x-opt-enqueue-sequence-number"] == 2
    assert dead.numbers == [1]


def test_a_dead_letter_cannot_die_again(bench: Bench) -> None:
    """service-bus-dead-letter-queues: there is no dead-letter queue of a dead-letter queue, and no limit in it."""
    bench.send("plain", "a")
    receiver = bench.receiver("plain")
    bench.queue("plain").settle(receiver.token, Settlement.DEAD_LETTER, bench.now, {})
    dead = bench.dead_letters("plain")

    with pytest.raises(Refused) as refusal:
        bench.queue("plain/$DeadLetterQueue").settle(dead.token, Settlement.DEAD_LETTER, bench.now, {})
    assert refusal.value.condition == "amqp:not-allowed"
    for _ in range(20):
        bench.queue("plain/$DeadLetterQueue").settle(dead.token, Settlement.ABANDON, bench.now)
    assert dead.delivery_counts[-1] == 20


def test_an_expired_lock_gives_the_message_to_another(bench: Bench) -> None:
    bench.send("plain", "a")
    slow = bench.receiver("plain", credit=1)
    other = bench.receiver("plain")

    bench.advance(MINUTE - 1)
    assert other.bodies == []
    bench.advance(1)

    assert other.bodies == ["a"]
    assert other.delivery_counts == [1]
    with pytest.raises(Refused) as refusal:
        bench.queue("plain").settle(slow.token, Settlement.COMPLETE, bench.now)
    assert refusal.value.condition == "com.microsoft:message-lock-lost"


def test_a_renewed_lock_holds_for_another_duration(bench: Bench) -> None:
    bench.send("plain", "a")
    receiver = bench.receiver("plain")

    bench.advance(50 * SECOND)
    until = bench.queue("plain").renew(receiver.token, bench.now)
    bench.advance(50 * SECOND)

    assert until == bench.now + 10 * SECOND
    bench.queue("plain").settle(receiver.token, Settlement.COMPLETE, bench.now)
    assert bench.waiting("plain") == []


def test_locks_of_a_receiver_that_went_live_on(bench: Bench) -> None:
    bench.send("plain", "a")
    gone = bench.receiver("plain", credit=1)
    bench.queue("plain").detach(gone, bench.now)
    other = bench.receiver("plain")

    assert other.bodies == []
    bench.advance(MINUTE)
    assert other.delivery_counts == [1]


def test_a_deferred_message_comes_by_its_number_only(bench: Bench) -> None:
    """service-bus-messaging/message-deferral."""
    bench.send("plain", "a", "b")
    receiver = bench.receiver("plain", credit=1)
    bench.queue("plain").settle(receiver.token, Settlement.DEFER, bench.now, {"why": "later"})

    other = bench.receiver("plain")
    assert other.bodies == ["b"]
    [(token, payload)] = bench.queue("plain").receive_deferred([1], True, None, bench.now)
    bench.queue("plain").settle(token.bytes_le, Settlement.COMPLETE, bench.now)

    assert b"later" in payload
    assert bench.waiting("plain") == ["b"]


def test_an_abandoned_deferred_message_stays_deferred(bench: Bench) -> None:
    bench.send("plain", "a")
    queue = bench.queue("plain")
    queue.settle(bench.receiver("plain").token, Settlement.DEFER, bench.now)

    for _ in range(2):
        [(token, _)] = queue.receive_deferred([1], True, None, bench.now)
        queue.settle(token.bytes_le, Settlement.ABANDON, bench.now)

    assert bench.receiver("plain").bodies == []
    assert bench.waiting("plain") == ["a"]


def test_deferred_messages_come_all_or_none(bench: Bench) -> None:
    bench.send("plain", "a", "b")
    queue = bench.queue("plain")
    queue.settle(bench.receiver("plain", credit=1).token, Settlement.DEFER, bench.now)

    with pytest.raises(Refused) as refusal:
        queue.receive_deferred([1, 2], True, None, bench.now)

    assert refusal.value.condition == "com.microsoft:message-not-found"
    assert len(queue.receive_deferred([1], False, None, bench.now)) == 1
    assert bench.waiting("plain") == ["b"]


def test_peek_sees_every_state_and_locks_nothing(bench: Bench) -> None:
    """service-bus-messaging/message-browsing."""
    bench.send("plain", "deferred", "locked", "active")
    bench.send("plain", "scheduled", due=bench.now + MINUTE)
    queue = bench.queue("plain")
    receiver = bench.receiver("plain", credit=2)
    queue.settle(receiver.got[0][0], Settlement.DEFER, bench.now)

    assert [(entry.number, int(entry.state)) for entry in queue.peek(1)] == [(1, 1), (2, 0), (3, 0), (4, 2)]
    assert [entry.number for entry in queue.peek(3)] == [3, 4]


def test_numbers_are_found_after_many_came_and_went(bench: Bench) -> None:
    bench.receiver("plain", credit=1000, locks=False)
    for _ in range(50):
        bench.send("plain", *"abcdefghij")
    bench.queue("plain").detach(bench.queue("plain")._lane.consumers[0], bench.now)

    bench.send("plain", "last")

    assert [entry.number for entry in bench.queue("plain").peek(100)] == [501]


def test_a_receiver_without_credit_is_passed_over(bench: Bench) -> None:
    broke = Receiver(credit=0)
    bench.queue("plain").attach(broke, bench.now)
    rich = bench.receiver("plain")

    bench.send("plain", "a", "b")

    assert (broke.bodies, rich.bodies) == ([], ["a", "b"])
