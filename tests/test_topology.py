"""Who listens to what is said by triggers, by the local broker's file and by the catalogue. They agree."""

from __future__ import annotations

import json
from typing import Any

from functions.bus.subscribers import HANDLERS
from local.paths import PROJECT
from shared_code.domain.events.catalogue import TOPICS
from shared_code.events import dead_letters, redeliveries
from shared_code.services.webhooks import postman


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
    assert set(queues) == {dead_letters.QUEUE, redeliveries.QUEUE, postman.QUEUE}
    for name in (dead_letters.QUEUE, redeliveries.QUEUE):
        assert queues[name]["RequiresSession"]
        assert queues[name]["RequiresDuplicateDetection"]


def test_webhooks_wait_for_nobody() -> None:
    """A subscriber that answers slowly holds up no other: no sessions. Its messages are each their own."""
    [queue] = [queue["Properties"] for queue in namespace()["Queues"] if queue["Name"] == postman.QUEUE]
    assert not queue["RequiresSession"]
    assert not queue["RequiresDuplicateDetection"]
