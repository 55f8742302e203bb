"""The local broker's configuration, from the table of subscriptions; `python -m local.servicebus.topology` makes it."""

from __future__ import annotations

import json
from typing import Any

from local.paths import PROJECT
from shared_code.domain.events.topology import entities

FILE = PROJECT / "local" / "servicebus.json"
LIVES = "PT1H"  # the longest that Microsoft's emulator takes, as are the window and the lock
WINDOW = "PT5M"
LOCK = "PT1M"


def configuration() -> dict[str, Any]:
    """The entities in the format of Microsoft's emulator."""
    wanted = entities()
    receiving = {
        "RequiresSession": True,
        "MaxDeliveryCount": wanted["maxDeliveryCount"],
        "LockDuration": LOCK,
        "DefaultMessageTimeToLive": LIVES,
        "DeadLetteringOnMessageExpiration": True,
    }
    distinct = {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": WINDOW}
    alike = {"RequiresDuplicateDetection": False}
    queues = [
        {
            "Name": queue["name"],
            "Properties": {
                **receiving,
                **(distinct if queue["duplicateDetection"] else alike),
                "RequiresSession": queue["sessions"],
                "DeadLetteringOnMessageExpiration": queue["deadLettersOnExpiry"],
            },
        }
        for queue in wanted["queues"]
    ]
    topics = [
        {
            "Name": topic["name"],
            "Properties": {"DefaultMessageTimeToLive": LIVES, **distinct},
            "Subscriptions": [subscription_of(each, receiving) for each in topic["subscriptions"]],
        }
        for topic in wanted["topics"]
    ]
    namespace = {"Name": "sbemulatorns", "Queues": queues, "Topics": topics}
    return {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "Console"}}}


def subscription_of(wanted: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """One subscription, with a rule for each type that it wants."""
    found: dict[str, Any] = {"Name": wanted["name"], "Properties": properties}
    if wanted["types"]:
        found["Rules"] = [
            {
                "Name": name.replace("-", "_")[:50],
                "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Properties": {"type": name}}},
            }
            for name in wanted["types"]
        ]
    return found


def text() -> str:
    """The file as it should be."""
    return json.dumps(configuration(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
