"""Time to live. Documented in learn.microsoft.com/azure/service-bus-messaging/message-expiration."""

from __future__ import annotations

from local.servicebus.broker.queue import Settlement
from tests.local.servicebus.broker.bench import MINUTE, SECOND, Bench
from tests.local.servicebus.messages import HEADER, sections


def test_an_expired_message_is_dead_lettered_without_a_receiver(bench: Bench) -> None:
    bench.send("expiring", "a")

    bench.advance(MINUTE)

    dead = bench.dead_letters("expiring")
    assert dead.bodies == ["a"]
    assert dead.properties["DeadLetterReason"] == "TTLExpiredException"
    assert bench.waiting("expiring") == []


def test_an_expired_message_is_dropped_where_nobody_wants_it(bench: Bench) -> None:
    bench.send("dropping", "a")

    bench.advance(MINUTE)

    assert bench.waiting("dropping") == []
    assert bench.dead_letters("dropping").bodies == []


def test_the_shorter_time_to_live_counts(bench: Bench) -> None:
    bench.send("expiring", "short", ttl=10 * SECOND)
    bench.send("expiring", "long", ttl=10 * MINUTE)

    bench.advance(10 * SECOND)
    assert bench.waiting("expiring") == ["long"]
    bench.advance(50 * SECOND)
    assert bench.waiting("expiring") == []


def test_clients_see_the_time_to_live_that_counts(bench: Bench) -> None:
    """They compute the expiry from it."""
    bench.send("expiring", "a", ttl=10 * MINUTE)

    receiver = bench.receiver("expiring")

    assert sections(receiver.got[0][1])[HEADER][2] == MINUTE


def test_a_locked_message_does_not_expire(bench: Bench) -> None:
    bench.send("expiring", "a", ttl=10 * SECOND)
    receiver = bench.receiver("expiring")

    bench.advance(30 * SECOND)
    bench.queue("expiring").settle(receiver.token, Settlement.COMPLETE, bench.now)

    assert bench.dead_letters("expiring").bodies == []


def test_a_message_whose_time_passed_under_a_lock_expires_when_abandoned(bench: Bench) -> None:
    bench.send("expiring", "a", ttl=10 * SECOND)
    receiver = bench.receiver("expiring")
    bench.advance(30 * SECOND)

    bench.queue("expiring").settle(receiver.token, Settlement.ABANDON, bench.now)

    assert receiver.bodies == ["a"]
    assert bench.dead_letters("expiring").properties["DeadLetterReason"] == "TTLExpiredException"


def test_a_message_whose_time_passed_under_a_lock_expires_with_the_lock(bench: Bench) -> None:
    bench.send("expiring", "a", ttl=10 * SECOND)
    receiver = bench.receiver("expiring", credit=1)
    bench.queue("expiring").detach(receiver, bench.now)

    bench.advance(MINUTE)

    assert bench.waiting("expiring") == []
    assert bench.dead_letters("expiring").bodies == ["a"]


def test_a_deferred_message_does_not_expire(bench: Bench) -> None:
    """service-bus-messaging/message-deferral."""
    bench.send("expiring", "a")
    bench.queue("expiring").settle(bench.receiver("expiring").token, Settlement.DEFER, bench.now)

    bench.advance(10 * MINUTE)

    assert bench.waiting("expiring") == ["a"]


def test_dead_letters_do_not_expire(bench: Bench) -> None:
    """service-bus-dead-letter-queues: time to live is not observed there."""
    bench.send("expiring", "a", ttl=SECOND)
    bench.advance(1000 * MINUTE)

    assert bench.waiting("expiring/$DeadLetterQueue") == ["a"]
