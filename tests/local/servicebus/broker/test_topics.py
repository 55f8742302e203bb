"""Topics, subscriptions and correlation filters.

Documented in learn.microsoft.com/azure/service-bus-messaging/topic-filters.
"""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import Any

import msgspec
import pytest

from local.servicebus.amqp.codec import Byte, Float, Int, Ulong
from local.servicebus.broker.broker import Broker
from local.servicebus.broker.queue import Settlement
from local.servicebus.config import CorrelationFilter, load_config
from local.servicebus.refused import Refused
from local.servicebus.store import Store
from tests.local.servicebus.broker.bench import MINUTE, Bench
from tests.local.servicebus.configuration import namespace, queue, subscription, topic
from tests.local.servicebus.messages import message


def test_every_subscription_gets_its_copy(bench: Bench) -> None:
    bench.send("events", "a", tier="gold")

    for name in ("all", "gold"):
        receiver = bench.receiver(f"events/Subscriptions/{name}", locks=False)
        assert receiver.bodies == ["a"]


def test_rules_are_alternatives_and_a_copy_is_one(bench: Bench) -> None:
    bench.send("events", "neither")
    bench.send("events", "label", subject="urgent")
    bench.send("events", "both", subject="urgent", tier="gold")

    assert bench.waiting("events/Subscriptions/gold") == ["label", "both"]


def test_a_subscription_numbers_its_copies_and_keeps_the_topics_number(bench: Bench) -> None:
    """service-bus-messaging/message-sequencing: EnqueuedSequenceNumber."""
    bench.send("events", "a")
    bench.send("events", "b", tier="gold")

    receiver = bench.receiver("events/Subscriptions/gold")

    assert receiver.numbers == [1]
    assert receiver.annotations["x-opt-enqueue-sequence-number"] == 2


def test_a_message_that_nobody_wants_is_accepted_and_gone(bench: Bench) -> None:
    bench.send("silent", "a")

    assert bench.waiting("silent/Subscriptions/nothing") == []


def test_a_topics_time_to_live_limits_its_copies(bench: Bench) -> None:
    bench.send("events", "a")

    bench.advance(10 * MINUTE)

    assert bench.waiting("events/Subscriptions/all") == []


def test_copies_are_settled_apart(bench: Bench) -> None:
    bench.send("events", "a", tier="gold")
    receiver = bench.receiver("events/Subscriptions/all")

    bench.queue("events/Subscriptions/all").settle(receiver.token, Settlement.DEAD_LETTER, bench.now, {})

    assert bench.waiting("events/Subscriptions/gold") == ["a"]
    assert bench.waiting("events/Subscriptions/all/$DeadLetterQueue") == ["a"]


def test_a_message_without_session_is_refused_by_all_if_one_needs_it(bench: Bench) -> None:
    with pytest.raises(Refused) as refusal:
        bench.send("events", "a", subject="session")

    assert refusal.value.condition == "amqp:not-allowed"
    assert bench.waiting("events/Subscriptions/all") == []


@pytest.mark.parametrize(
    ("given", "wanted", "matches"),
    [
        ({"subject": "attempt"}, {"Label": "attempt"}, True),
        ({"subject": "Attempt"}, {"Label": "attempt"}, False),
        ({}, {"Label": "attempt"}, False),
        ({"session_id": "mei"}, {"SessionId": "mei"}, True),
        ({"message_id": "7"}, {"MessageId": "7"}, True),
        ({"message_id": Ulong(7)}, {"MessageId": "7"}, False),
        ({"message_id": uuid.UUID(int=7)}, {"MessageId": str(uuid.UUID(int=7))}, False),
        ({"tier": "gold"}, {"Properties": {"tier": "gold"}}, True),
        ({"tier": "gold", "more": 1}, {"Properties": {"tier": "gold"}}, True),
        ({"tier": "silver"}, {"Properties": {"tier": "gold"}}, False),
        ({}, {"Properties": {"tier": "gold"}}, False),
        ({"n": 1}, {"Properties": {"n": 1}}, True),
        ({"n": Int(1)}, {"Properties": {"n": 1}}, True),
        ({"n": Byte(1)}, {"Properties": {"n": 1.0}}, True),
        ({"n": Float(0.5)}, {"Properties": {"n": 0.5}}, True),
        ({"n": True}, {"Properties": {"n": 1}}, False),
        ({"n": 1}, {"Properties": {"n": True}}, False),
        ({"n": "1"}, {"Properties": {"n": 1}}, False),
        ({"n": None}, {"Properties": {"n": None}}, True),
        ({"subject": "a", "tier": "gold"}, {"Label": "a", "Properties": {"tier": "gold"}}, True),
        ({"subject": "b", "tier": "gold"}, {"Label": "a", "Properties": {"tier": "gold"}}, False),
    ],
)
def test_all_fields_of_a_correlation_filter_must_be_equal(
    given: dict[str, Any], wanted: dict[str, Any], matches: bool
) -> None:
    assert msgspec.convert(wanted, CorrelationFilter).matches(message(**given)) is matches


@pytest.mark.parametrize(
    "configuration",
    [
        namespace(queues=[queue("q"), queue("Q")]),
        namespace(queues=[queue("a")], topics=[topic("a")]),
        namespace(topics=[topic("t", subscription("s"), subscription("S"))]),
    ],
)
def test_a_name_is_given_once(configuration: bytes) -> None:
    """Names of entities are compared without case."""
    with closing(Store(":memory:")) as store, pytest.raises(ValueError, match="twice"):
        Broker(load_config(configuration), store)
