"""Who listens to what is said by triggers, by the local broker's file and by the catalogue. They agree."""

from __future__ import annotations

import json
import re
from typing import Any

import function_app
from functions.bus.subscribers import HANDLERS
from local.paths import PROJECT
from local.servicebus.config import load_config
from scripts.topology import files, for_broker
from shared_code.domain.events.catalogue import TOPICS, find
from shared_code.domain.events.topology import QUEUES, SUBSCRIPTIONS, Subscription, concerned, presumed
from shared_code.events import dead_letters, redeliveries
from shared_code.events.line import Line
from shared_code.services.webhooks import attempt


def namespace() -> dict[str, Any]:
    """The entities of the local broker."""
    config = json.loads((PROJECT / "local" / "servicebus.json").read_text())
    [only] = config["UserConfig"]["Namespaces"]
    return dict(only)


def test_e3_every_subscription_has_its_trigger_and_every_trigger_its_subscription() -> None:
    """A subscription without a consumer fills up for ever; a trigger without a subscription never starts."""
    declared = {(topic["Name"], sub["Name"]) for topic in namespace()["Topics"] for sub in topic["Subscriptions"]}
    assert declared == set(HANDLERS)


def test_topics_are_those_of_the_catalogue() -> None:
    """Each event type has its topic, and there is no other."""
    assert [topic["Name"] for topic in namespace()["Topics"]] == sorted(TOPICS, key=list(TOPICS).index)


def test_every_topic_and_subscription_is_as_the_contract_says() -> None:
    """Sessions, duplicate detection, ten deliveries, dead-lettering on expiry, names of at most 50 characters."""
    for topic in namespace()["Topics"]:
        assert topic["Properties"]["RequiresDuplicateDetection"]
        for subscription in topic["Subscriptions"]:
            properties = subscription["Properties"]
            assert len(subscription["Name"]) <= 50
            assert properties["RequiresSession"]
            assert properties["MaxDeliveryCount"] == 10
            assert properties["DeadLetteringOnMessageExpiration"]


def test_the_queues_keep_a_learners_order() -> None:
    """One queue for all dead letters, one for what comes to a subscription again: sessions, duplicate detection."""
    queues = {queue["Name"]: queue["Properties"] for queue in namespace()["Queues"]}
    assert set(queues) == {dead_letters.QUEUE, redeliveries.QUEUE, attempt.QUEUE}
    for name in (dead_letters.QUEUE, redeliveries.QUEUE):
        assert queues[name]["RequiresSession"]
        assert queues[name]["RequiresDuplicateDetection"]


def test_webhooks_wait_for_nobody() -> None:
    """A subscriber that answers slowly holds up no other: no sessions. Its messages are each their own."""
    [queue] = [queue["Properties"] for queue in namespace()["Queues"] if queue["Name"] == attempt.QUEUE]
    assert not queue["RequiresSession"]
    assert not queue["RequiresDuplicateDetection"]


def test_the_broker_s_file_and_bicep_s_are_made_from_the_table() -> None:
    """Change `shared_code/domain/events/topology.py`, then run `python -m scripts.topology`."""
    for path, text in files().items():
        assert path.read_text() == text


def test_triggers_are_those_of_the_table() -> None:
    assert {(each.topic, each.subscriber) for each in SUBSCRIPTIONS} == set(HANDLERS)


def test_whatever_dies_anywhere_is_moved_to_where_operators_look() -> None:
    """Each subscription and each queue can dead-letter, and nobody reads what lies in `$deadletterqueue`."""
    triggers = [function.get_trigger().get_dict_repr() for function in function_app.app.get_functions()]
    places = {
        each.get("queueName") or f"{each['topicName']}/{each['subscriptionName']}"
        for each in triggers
        if each["type"] == "serviceBusTrigger"
    }
    wanted = {queue.name for queue in QUEUES} | {f"{each.topic}/{each.subscriber}" for each in SUBSCRIPTIONS}
    assert {f"{place}/$deadletterqueue" for place in wanted} <= places


def test_names_are_ones_that_service_bus_takes() -> None:
    """Topics and queues up to 260 characters, subscriptions and rules up to 50; a line is a session id, up to 128."""
    name = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]")
    for entity in (*TOPICS, *(queue.name for queue in QUEUES)):
        assert name.fullmatch(entity)
        assert len(entity) <= 260
    for each in SUBSCRIPTIONS:
        assert name.fullmatch(each.subscriber)
        assert len(each.subscriber) <= 50
        assert len(Line(each.topic, each.subscriber, "p" * 26).key) <= 128
        assert all(find(wanted) is not None for wanted in each.types)
    assert len(set(SUBSCRIPTIONS)) == len(SUBSCRIPTIONS)


def test_a_filter_of_the_table_is_one_that_the_broker_reads() -> None:
    wanted = ("sayzhong.experiment.exposed.v1", "sayzhong.experiment.changed.v1")
    config = for_broker([Subscription(topic="experiment", subscriber="exposures", types=wanted)])
    [topic] = [each for each in load_config(json.dumps(config).encode()).topics if each.name == "experiment"]
    rules = [rule.properties.correlation_filter for rule in topic.subscriptions[0].rules]
    assert [each.properties for each in rules] == [{"type": kind} for kind in wanted]


def test_a_speaker_s_own_lesson_needs_no_question_and_everybody_else_does() -> None:
    assert concerned("voice") == ("interaction", "progress", "webhooks")
    assert concerned("experiment") == ("audit", "webhooks")
    assert [each for each in concerned("voice") if presumed(each, "voice")] == ["interaction", "progress"]
    assert not any(presumed(each, "experiment") for each in concerned("experiment"))
