"""What Bicep would deploy into the Service Bus namespace is what the table says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from scripts.topology import BICEP, LOCK, for_bicep
from shared_code.domain.events.catalogue import CATALOGUE, TOPICS
from shared_code.domain.events.topology import MAX_DELIVERY_COUNT, QUEUES, SUBSCRIPTIONS, Subscription
from tests.infra.bicep import Resource, resources

MODULE = BICEP.with_name("service-bus-entities.bicep")
QUEUE, TOPIC = "Microsoft.ServiceBus/namespaces/queues", "Microsoft.ServiceBus/namespaces/topics"
SUBSCRIPTION, RULE = f"{TOPIC}/subscriptions", f"{TOPIC}/subscriptions/rules"
FILTERED = Subscription(
    topic="experiment",
    subscriber="exposures",
    types=("sayzhong.experiment.exposed.v1", "sayzhong.experiment.changed.v1"),
)


def deployed(kind: str, module: Path = MODULE) -> dict[str, Resource]:
    """Resources of one type by their names."""
    found = resources(module, {"namespaceName": "bus"})
    assert {each.type.partition("@")[2] for each in found} == {"2024-01-01"}
    return {each.name: each for each in found if each.type.partition("@")[0] == kind}


def with_subscriptions(folder: Path, subscriptions: Sequence[Subscription]) -> Path:
    """The module beside another table."""
    (folder / BICEP.name).write_text(json.dumps(for_bicep(subscriptions)))
    return Path(shutil.copy(MODULE, folder))


def test_queues_are_those_of_the_table() -> None:
    found = deployed(QUEUE)
    assert set(found) == {f"bus/{queue.name}" for queue in QUEUES}
    for queue in QUEUES:
        properties = found[f"bus/{queue.name}"].properties
        assert properties["requiresSession"] is queue.sessions
        assert properties["requiresDuplicateDetection"] is queue.duplicate_detection
        assert properties["deadLetteringOnMessageExpiration"] is queue.dead_letters_on_expiry
        assert properties["maxDeliveryCount"] == MAX_DELIVERY_COUNT
        assert properties["lockDuration"] == LOCK


def test_nothing_in_the_dead_letters_expires() -> None:
    """Nobody would hear of it: what expires there goes nowhere."""
    [forever] = {each.properties["defaultMessageTimeToLive"] for each in deployed(QUEUE).values()} - {"P14D"}
    assert deployed(QUEUE)["bus/dead-letters"].properties["defaultMessageTimeToLive"] == forever
    assert forever.startswith("P10675199D")


def test_topics_are_those_of_the_catalogue_with_order_and_duplicate_detection() -> None:
    found = deployed(TOPIC)
    assert set(found) == {f"bus/{topic}" for topic in TOPICS}
    for topic in found.values():
        assert topic.properties["requiresDuplicateDetection"] is True
        assert topic.properties["supportOrdering"] is True


def test_subscriptions_are_those_of_the_table_and_as_the_contract_says() -> None:
    found = deployed(SUBSCRIPTION)
    assert set(found) == {f"bus/{each.topic}/{each.subscriber}" for each in SUBSCRIPTIONS}
    for each in found.values():
        assert each.properties["requiresSession"] is True
        assert each.properties["maxDeliveryCount"] == 10
        assert each.properties["deadLetteringOnMessageExpiration"] is True


def test_a_filter_is_a_correlation_rule_a_type_and_the_first_one_is_the_default(tmp_path: Path) -> None:
    """Azure's own default rule would let everything through beside them."""
    found = deployed(RULE, with_subscriptions(tmp_path, [*SUBSCRIPTIONS, FILTERED]))
    wanted = {name: each.properties["correlationFilter"]["properties"]["type"] for name, each in found.items()}
    assert {each.properties["filterType"] for each in found.values()} == {"CorrelationFilter"}
    assert wanted == {
        "bus/experiment/exposures/$Default": "sayzhong.experiment.exposed.v1",
        "bus/experiment/exposures/sayzhong.experiment.changed.v1": "sayzhong.experiment.changed.v1",
    }


def test_without_a_filter_there_is_no_rule() -> None:
    filtered = {f"bus/{each.topic}/{each.subscriber}" for each in SUBSCRIPTIONS if each.types}
    assert {name.rpartition("/")[0] for name in deployed(RULE)} == filtered


def test_every_type_may_name_a_rule() -> None:
    """Rules' names: 1-50 letters, digits, dots, hyphens and underscores, a letter or digit at both ends."""
    for kind in CATALOGUE:
        assert re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,48}[A-Za-z0-9])?", kind.name)
