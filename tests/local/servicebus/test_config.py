"""The configuration, in the format of Microsoft's emulator:
learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from local.paths import PROJECT
from local.servicebus.config import load_config
from tests.local.servicebus.configuration import namespace, queue, rule, subscription, topic


def test_the_projects_own_configuration_is_served() -> None:
    loaded = load_config(PROJECT / "local" / "servicebus.json")

    assert "dead-letters" in [each.name for each in loaded.queues]
    for each in loaded.topics:
        assert each.properties.requires_duplicate_detection
        assert all(sub.properties.requires_session for sub in each.subscriptions)


def test_what_is_not_given_is_as_in_the_emulator() -> None:
    loaded = load_config(namespace(queues=[{"Name": "q"}], topics=[{"Name": "t", "Subscriptions": [{"Name": "s"}]}]))

    rules = loaded.queues[0].properties
    assert (rules.lock_duration, rules.max_delivery_count) == (timedelta(minutes=1), 3)
    assert rules.default_message_time_to_live == timedelta(hours=1)
    assert not rules.requires_session
    assert loaded.topics[0].subscriptions[0].rules == []


@pytest.mark.parametrize(
    ("configuration", "where"),
    [
        (namespace(queues=[queue("q", LockDurationn="PT1M")]), "LockDurationn"),
        (namespace(queues=[queue("q", LockDuration="a minute")]), "LockDuration"),
        (namespace(queues=[queue("q", LockDuration="PT0S")]), "LockDuration"),
        (namespace(queues=[queue("q", MaxDeliveryCount=0)]), "MaxDeliveryCount"),
        (namespace(queues=[queue("q", ForwardTo="other")]), "ForwardTo"),
        (namespace(queues=[queue("q", ForwardDeadLetteredMessagesTo="other")]), "ForwardDeadLetteredMessagesTo"),
        (namespace(queues=[queue("a"), queue("-b-")]), r"Queues\[1\]\.Name"),
        (namespace(topics=[topic("t", subscription("s", rule("r", Colour="red")))]), "Colour"),
        (b'{"UserConfig": {"Namespaces": [], "Logging": {}}}', "Namespaces"),
        (b"{", "truncated"),
        (b"{}", "UserConfig"),
    ],
)
def test_what_cannot_be_served_is_named(configuration: bytes, where: str) -> None:
    with pytest.raises(ValueError, match=where):
        load_config(configuration)


@pytest.mark.parametrize("filter_type", ["Sql", "SqlFilter"])
def test_sql_rules_are_refused(filter_type: str) -> None:
    sql: dict[str, Any] = {
        "Name": "r",
        "Properties": {"FilterType": filter_type, "SqlFilter": {"SqlExpression": "1=1"}},
    }

    with pytest.raises(ValueError, match="not-implemented"):
        load_config(namespace(topics=[topic("t", subscription("s", sql))]))


def test_a_rule_with_an_action_is_refused() -> None:
    action = rule("r", Label="a")
    action["Properties"]["Action"] = {"SqlExpression": "SET a = 1"}

    with pytest.raises(ValueError, match="Action"):
        load_config(namespace(topics=[topic("t", subscription("s", action))]))


def test_a_missing_file_is_named(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        load_config(tmp_path / "absent.json")


def test_the_projects_configuration_is_json_that_the_emulator_reads() -> None:
    """It needs the namespace's name and the logging section."""
    written = json.loads((PROJECT / "local" / "servicebus.json").read_text())

    assert written["UserConfig"]["Namespaces"][0]["Name"] == "sbemulatorns"
    assert written["UserConfig"]["Logging"] == {"Type": "Console"}
