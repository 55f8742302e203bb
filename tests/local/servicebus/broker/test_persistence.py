"""What outlives a crash. Service Bus keeps every message that it accepted until it is settled:
learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-overview.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from local.servicebus.broker.queue import Settlement
from local.servicebus.store import Store
from tests.local.servicebus.broker.bench import MINUTE, Bench, Receiver
from tests.local.servicebus.broker.conftest import OpenBench
from tests.local.servicebus.configuration import namespace, queue, subscription, topic
from tests.local.servicebus.messages import message


def restart(bench: Bench) -> None:
    bench.store.commit()
    bench.restart()


def test_accepted_messages_are_there_after_a_crash(bench: Bench) -> None:
    bench.send("plain", "a", "b", own="property")

    restart(bench)

    receiver = bench.receiver("plain")
    assert receiver.bodies == ["a", "b"]
    assert receiver.properties == {"own": "property"}
    assert receiver.delivery_counts == [0, 0]


def test_completed_messages_stay_gone_and_numbers_are_never_used_again(bench: Bench) -> None:
    bench.send("plain", "a")
    bench.queue("plain").settle(bench.receiver("plain").token, Settlement.COMPLETE, bench.now)

    restart(bench)
    bench.send("plain", "b")

    assert bench.receiver("plain").numbers == [2]


def test_a_message_that_was_with_a_client_counts_as_failed(bench: Bench) -> None:
    """Or a message that kills the stack would be delivered for ever."""
    bench.send("plain", "a")
    for _ in range(3):
        bench.receiver("plain")
        restart(bench)

    assert bench.dead_letters("plain").properties["DeadLetterReason"] == "MaxDeliveryCountExceeded"


def test_a_message_that_was_given_back_does_not_count_as_failed(bench: Bench) -> None:
    bench.send("plain", "a")
    receiver = bench.receiver("plain", credit=1)
    bench.queue("plain").settle(receiver.token, Settlement.RELEASE, bench.now)

    restart(bench)

    assert bench.receiver("plain").delivery_counts == [0]


def test_states_counts_and_times_are_kept(bench: Bench) -> None:
    bench.send("plain", "deferred", "abandoned")
    bench.send("plain", "scheduled", due=bench.now + MINUTE)
    first = bench.receiver("plain", credit=2)
    bench.queue("plain").settle(first.got[0][0], Settlement.DEFER, bench.now, {"why": "later"})
    bench.queue("plain").settle(first.got[1][0], Settlement.ABANDON, bench.now, {"tried": True})

    restart(bench)

    receiver = bench.receiver("plain")
    assert receiver.bodies == ["abandoned"]
    assert receiver.delivery_counts == [1]
    assert receiver.properties == {"tried": True}
    [(_, payload)] = bench.queue("plain").receive_deferred([1], True, None, bench.now)
    assert b"later" in payload
    bench.advance(MINUTE)
    assert receiver.bodies == ["abandoned", "scheduled", "abandoned"]


def test_what_expired_while_the_broker_was_down_is_expired(bench: Bench) -> None:
    bench.send("expiring", "a")
    bench.store.commit()

    bench.now += 2 * MINUTE
    bench.restart()

    assert bench.receiver("expiring").bodies == []
    assert bench.dead_letters("expiring").bodies == ["a"]


def test_duplicates_are_known_after_a_crash(bench: Bench) -> None:
    bench.send("once", "first", message_id="a")

    restart(bench)
    bench.send("once", "second", message_id="a")
    assert bench.waiting("once") == ["first"]

    bench.advance(5 * MINUTE)
    bench.send("once", "third", message_id="a")
    restart(bench)
    assert bench.waiting("once") == ["first", "third"]


def test_session_states_are_kept(bench: Bench) -> None:
    bench.sessions("learners").accept(Receiver(), "mei", None, bench.now)
    bench.sessions("learners").accept(Receiver(), "li", None, bench.now)
    bench.sessions("learners").set_state("mei", None, b"chapter 3")
    bench.sessions("learners").set_state("li", None, b"gone")
    bench.sessions("learners").set_state("li", None, None)

    restart(bench)

    for session_id, state in (("mei", b"chapter 3"), ("li", None)):
        bench.sessions("learners").accept(Receiver(), session_id, None, bench.now)
        assert bench.sessions("learners").state(session_id, None) == state


def test_dead_letters_and_topic_numbers_are_kept(bench: Bench) -> None:
    bench.send("events", "a")
    receiver = bench.receiver("events/Subscriptions/all")
    bench.queue("events/Subscriptions/all").settle(
        receiver.token, Settlement.DEAD_LETTER, bench.now, {"DeadLetterReason": "schema"}
    )

    restart(bench)
    bench.send("events", "b")

    assert bench.dead_letters("events/Subscriptions/all").properties == {"DeadLetterReason": "schema"}
    assert bench.receiver("events/Subscriptions/all").annotations["x-opt-enqueue-sequence-number"] == 2


def test_what_was_not_committed_never_happened(bench: Bench) -> None:
    bench.send("plain", "kept")
    bench.store.commit()
    bench.send("plain", "lost")
    bench.queue("plain").settle(bench.receiver("plain", credit=1).token, Settlement.COMPLETE, bench.now)

    bench.restart()

    assert bench.waiting("plain") == ["kept"]


def test_a_generated_message_id_is_kept(bench: Bench) -> None:
    bench.send("plain", "a")
    [before] = bench.queue("plain").peek(1)

    restart(bench)

    [after] = bench.queue("plain").peek(1)
    assert after.message.properties == before.message.properties
    assert before.message.properties[0]


def test_messages_of_an_entity_that_is_not_configured_stay(
    open_bench: OpenBench, caplog: pytest.LogCaptureFixture
) -> None:
    both = namespace(queues=[queue("here"), queue("gone")])
    bench = open_bench(both)
    bench.send("gone", "a")

    bench.configuration = namespace(queues=[queue("here")])
    with caplog.at_level(logging.WARNING):
        restart(bench)
    assert "'gone' has stored messages" in caplog.text

    bench.configuration = both
    restart(bench)
    assert bench.waiting("gone") == ["a"]


def test_messages_of_a_queue_that_became_a_topic_are_published(open_bench: OpenBench) -> None:
    bench = open_bench(namespace(queues=[queue("name")]))
    bench.send("name", "a")

    bench.configuration = namespace(topics=[topic("name", subscription("all"))])
    restart(bench)

    assert bench.waiting("name/Subscriptions/all") == ["a"]


def test_a_store_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bus.sqlite3"
    store = Store(path)
    store._db.execute("PRAGMA user_version=99")
    store.close()

    with pytest.raises(ValueError, match="format 99"):
        Store(path)


def test_cancelled_timers_do_not_gather(bench: Bench) -> None:
    """A busy queue completes most messages long before they expire; their timers must not stay until then."""
    bench.receiver("plain", credit=10_000, locks=False)
    for _ in range(50):
        bench.broker.destination("plain").send([message("a")] * 100, bench.now)

    assert len(bench.broker.agenda._heap) < 2_500
