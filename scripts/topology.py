"""`python -m scripts.topology`: write the table of queues, topics and subscriptions for the local broker and Bicep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared_code.domain.events.catalogue import TOPICS
from shared_code.domain.events.topology import MAX_DELIVERY_COUNT, QUEUES, SUBSCRIPTIONS, Queue, Subscription

_PROJECT = Path(__file__).resolve().parent.parent
BROKER = _PROJECT / "local" / "servicebus.json"
BICEP = _PROJECT / "infra" / "modules" / "topology.json"

LOCK = "PT1M"
WINDOW = "PT5M"  # LOCK and WINDOW are the longest that Microsoft's emulator takes
LIVES_LOCALLY = "PT1H"  # as is this
LIVES = "P14D"  # in Azure: an outage of two weeks loses nothing
FOREVER = "P10675199DT2H48M5.4775807S"  # Service Bus's own word for it


def for_broker(subscriptions: Sequence[Subscription] = SUBSCRIPTIONS) -> dict[str, Any]:
    """The entities in the format of Microsoft's emulator."""
    namespace = {
        "Name": "sbemulatorns",
        "Queues": [
            {"Name": queue.name, "Properties": _local(queue.sessions, queue.dead_letters_on_expiry) | _distinct(queue)}
            for queue in QUEUES
        ],
        "Topics": [
            {
                "Name": topic,
                "Properties": {
                    "DefaultMessageTimeToLive": LIVES_LOCALLY,
                    "RequiresDuplicateDetection": True,
                    "DuplicateDetectionHistoryTimeWindow": WINDOW,
                },
                "Subscriptions": [_local_subscription(each) for each in subscriptions if each.topic == topic],
            }
            for topic in TOPICS
        ],
    }
    return {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "Console"}}}


def for_bicep(subscriptions: Sequence[Subscription] = SUBSCRIPTIONS) -> dict[str, Any]:
    """The entities as `infra/modules/service-bus-entities.bicep` reads them, in the words of the resource provider."""
    return {
        "maxDeliveryCount": MAX_DELIVERY_COUNT,
        "lockDuration": LOCK,
        "duplicateDetectionHistoryTimeWindow": WINDOW,
        "queues": [
            {
                "name": queue.name,
                "requiresSession": queue.sessions,
                "requiresDuplicateDetection": queue.duplicate_detection,
                "deadLetteringOnMessageExpiration": queue.dead_letters_on_expiry,
                "defaultMessageTimeToLive": LIVES if queue.dead_letters_on_expiry else FOREVER,
            }
            for queue in QUEUES
        ],
        "topics": [
            {
                "name": topic,
                "requiresDuplicateDetection": True,
                "supportOrdering": True,
                "defaultMessageTimeToLive": LIVES,
            }
            for topic in TOPICS
        ],
        "subscriptions": [
            {
                "topic": each.topic,
                "name": each.subscriber,
                "requiresSession": True,
                "deadLetteringOnMessageExpiration": True,
                "defaultMessageTimeToLive": LIVES,
            }
            for each in subscriptions
        ],
        "rules": [
            {
                "topic": each.topic,
                "subscription": each.subscriber,
                "name": kind if place else "$Default",
                "type": kind,
            }
            for each in subscriptions
            for place, kind in enumerate(each.types)
        ],
    }


def files() -> dict[Path, str]:
    """What is in the files when they are up to date."""
    return {path: json.dumps(made, indent=2) + "\n" for path, made in ((BROKER, for_broker()), (BICEP, for_bicep()))}


def _local(sessions: bool, dead_letters_on_expiry: bool) -> dict[str, Any]:
    return {
        "RequiresSession": sessions,
        "MaxDeliveryCount": MAX_DELIVERY_COUNT,
        "LockDuration": LOCK,
        "DefaultMessageTimeToLive": LIVES_LOCALLY,
        "DeadLetteringOnMessageExpiration": dead_letters_on_expiry,
    }


def _distinct(queue: Queue) -> dict[str, Any]:
    if not queue.duplicate_detection:
        return {"RequiresDuplicateDetection": False}
    return {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": WINDOW}


def _local_subscription(wanted: Subscription) -> dict[str, Any]:
    """One subscription, with a rule for each type that it wants; without rules it wants everything."""
    found: dict[str, Any] = {"Name": wanted.subscriber, "Properties": _local(True, True)}
    if wanted.types:
        found["Rules"] = [
            {
                "Name": kind,
                "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Properties": {"type": kind}}},
            }
            for kind in wanted.types
        ]
    return found


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
