"""Sessions. Documented in learn.microsoft.com/azure/service-bus-messaging/message-sessions."""

from __future__ import annotations

import pytest

from local.servicebus.broker.queue import Settlement
from local.servicebus.refused import Refused
from tests.local.servicebus.broker.bench import MINUTE, SECOND, Bench, Receiver


def accept(bench: Bench, session_id: str | None = None, *, timeout: int = MINUTE, credit: int = 100) -> Receiver:
    """A receiver that asks for a session and, once it is granted, gives credit as clients do."""
    receiver = Receiver(credit=0)
    bench.sessions("learners").accept(receiver, session_id, timeout, bench.now)
    give_credit(bench, receiver, credit)
    return receiver


def give_credit(bench: Bench, receiver: Receiver, credit: int = 100) -> None:
    receiver.credit = credit
    bench.sessions("learners").pump(receiver, bench.now)


def test_a_named_session_brings_its_messages_in_order(bench: Bench) -> None:
    bench.send("learners", "m1", "m2", session_id="mei")
    bench.send("learners", "l1", session_id="li")
    bench.send("learners", "m3", session_id="mei")

    receiver = accept(bench, "mei")

    assert receiver.session == "mei"
    assert receiver.bodies == ["m1", "m2", "m3"]
    assert receiver.annotations["x-opt-locked-until"] == receiver.until == bench.now + MINUTE


def test_a_named_session_need_not_have_messages(bench: Bench) -> None:
    receiver = accept(bench, "new")
    bench.send("learners", "a", session_id="new")

    assert receiver.bodies == ["a"]


def test_the_next_session_is_the_one_that_waits_longest(bench: Bench) -> None:
    bench.send("learners", "a", session_id="mei")
    bench.send("learners", "b", session_id="li")

    assert [accept(bench).session, accept(bench).session] == ["mei", "li"]


def test_the_next_session_may_come_later_to_whoever_waits_longest(bench: Bench) -> None:
    first, second = accept(bench), accept(bench)
    assert first.session is None

    bench.send("learners", "a", session_id="mei")
    bench.send("learners", "b", session_id="li")

    assert [first.session, second.session] == ["mei", "li"]


def test_waiting_for_a_session_ends_with_its_timeout(bench: Bench) -> None:
    receiver = accept(bench, timeout=5 * SECOND)

    bench.advance(5 * SECOND)

    assert receiver.lost_by is not None
    assert receiver.lost_by.condition == "com.microsoft:timeout"
    bench.send("learners", "a", session_id="mei")
    assert accept(bench).session == "mei"


def test_a_receiver_that_goes_while_waiting_gets_no_session(bench: Bench) -> None:
    receiver = accept(bench)
    bench.sessions("learners").detach(receiver, bench.now)

    bench.send("learners", "a", session_id="mei")

    assert receiver.session is None
    assert accept(bench).session == "mei"


def test_a_session_has_one_receiver(bench: Bench) -> None:
    accept(bench, "mei")

    with pytest.raises(Refused) as refusal:
        accept(bench, "mei")
    assert refusal.value.condition == "com.microsoft:session-cannot-be-locked"


def test_a_session_that_is_given_back_is_free_at_once_and_uncounted(bench: Bench) -> None:
    bench.send("learners", "a", "b", session_id="mei")
    first = accept(bench, "mei", credit=1)
    assert first.bodies == ["a"]

    bench.sessions("learners").detach(first, bench.now)
    second = accept(bench)

    assert second.session == "mei"
    assert second.bodies == ["a", "b"]
    assert second.delivery_counts == [0, 0]


def test_messages_left_in_line_make_a_session_free_again(bench: Bench) -> None:
    bench.send("learners", "a", "b", session_id="mei")
    first = accept(bench, credit=1)
    bench.sessions("learners").settle(first.token, Settlement.COMPLETE, bench.now)
    waiting = accept(bench)

    bench.sessions("learners").detach(first, bench.now)

    assert waiting.session == "mei"
    give_credit(bench, waiting)
    assert waiting.bodies == ["b"]


def test_a_session_that_is_given_back_comes_in_order_to_whoever_waited_with_credit(bench: Bench) -> None:
    bench.send("learners", "a", "b", "c", session_id="mei")
    first = accept(bench, credit=2)
    waiting = Receiver(credit=100)
    bench.sessions("learners").accept(waiting, None, MINUTE, bench.now)

    bench.sessions("learners").detach(first, bench.now)

    assert (waiting.session, waiting.bodies) == ("mei", ["a", "b", "c"])


def test_an_abandoned_message_comes_before_those_behind_it(bench: Bench) -> None:
    bench.send("learners", "a", "b", session_id="mei")
    receiver = accept(bench, "mei", credit=1)
    bench.sessions("learners").settle(receiver.token, Settlement.ABANDON, bench.now)

    give_credit(bench, receiver)

    assert receiver.bodies == ["a", "a", "b"]
    assert receiver.delivery_counts == [0, 1, 0]


def test_an_expired_session_lock_is_lost_and_counts(bench: Bench) -> None:
    bench.send("learners", "a", session_id="mei")
    first = accept(bench, "mei")

    bench.advance(MINUTE)

    assert first.lost_by is not None
    assert first.lost_by.condition == "com.microsoft:session-lock-lost"
    second = accept(bench)
    assert second.delivery_counts == [1]
    with pytest.raises(Refused) as refusal:
        bench.sessions("learners").settle(first.token, Settlement.COMPLETE, bench.now)
    assert refusal.value.condition == "com.microsoft:session-lock-lost"


def test_a_renewed_session_is_kept(bench: Bench) -> None:
    bench.send("learners", "a", session_id="mei")
    receiver = accept(bench, "mei")
    bench.advance(50 * SECOND)

    until = bench.sessions("learners").renew_session("mei", None, bench.now)
    bench.advance(50 * SECOND)

    assert until == bench.now + 10 * SECOND
    bench.sessions("learners").settle(receiver.token, Settlement.COMPLETE, bench.now)


def test_a_session_is_renewed_over_the_link_that_holds_it(bench: Bench) -> None:
    accept(bench, "mei")

    with pytest.raises(Refused) as refusal:
        bench.sessions("learners").renew_session("mei", "another link", bench.now)
    assert refusal.value.condition == "com.microsoft:session-lock-lost"


def test_a_message_of_a_session_is_held_as_long_as_the_session(bench: Bench) -> None:
    bench.send("learners", "a", session_id="mei")
    receiver = accept(bench, "mei")
    bench.advance(10 * SECOND)

    assert bench.sessions("learners").renew(receiver.token, bench.now) == receiver.until


def test_a_message_without_session_id_is_refused(bench: Bench) -> None:
    with pytest.raises(Refused) as refusal:
        bench.send("learners", "a")
    assert refusal.value.condition == "amqp:not-allowed"


def test_state_outlives_the_receiver_and_the_messages(bench: Bench) -> None:
    queue = bench.sessions("learners")
    first = accept(bench, "mei")
    queue.set_state("mei", None, b"chapter 3")
    queue.detach(first, bench.now)

    accept(bench, "mei")
    assert queue.state("mei", None) == b"chapter 3"
    queue.set_state("mei", None, None)
    assert queue.state("mei", None) is None


def test_state_belongs_to_whoever_holds_the_session(bench: Bench) -> None:
    with pytest.raises(Refused) as refusal:
        bench.sessions("learners").held("mei")
    assert refusal.value.condition == "com.microsoft:session-lock-lost"


def test_deferred_messages_of_a_session_need_the_session(bench: Bench) -> None:
    bench.send("learners", "a", session_id="mei")
    queue = bench.sessions("learners")
    receiver = accept(bench, "mei")
    queue.settle(receiver.token, Settlement.DEFER, bench.now)
    assert len(queue.receive_deferred([1], False, "mei", bench.now)) == 1

    queue.detach(receiver, bench.now)
    with pytest.raises(Refused) as refusal:
        queue.receive_deferred([1], True, "mei", bench.now)
    assert refusal.value.condition == "com.microsoft:session-lock-lost"


def test_dead_letters_of_sessions_need_no_session(bench: Bench) -> None:
    bench.send("learners", "a", session_id="mei")
    bench.sessions("learners").settle(accept(bench, "mei").token, Settlement.DEAD_LETTER, bench.now, {})

    assert bench.dead_letters("learners").bodies == ["a"]


def test_max_delivery_count_holds_in_sessions(bench: Bench) -> None:
    bench.send("learners", "a", "b", session_id="mei")
    receiver = accept(bench, "mei", credit=1)
    for _ in range(3):
        bench.sessions("learners").settle(receiver.token, Settlement.ABANDON, bench.now)
        give_credit(bench, receiver, 1)

    assert receiver.bodies == ["a", "a", "a", "b"]
    assert bench.waiting("learners/$DeadLetterQueue") == ["a"]
