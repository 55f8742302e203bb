from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.servicebus.configuration import namespace, queue, rule, subscription, topic
from tests.local.servicebus.running import broker_thread

CONFIGURATION = namespace(
    queues=[
        queue("settling", MaxDeliveryCount=3),
        queue("carrying"),
        queue("timing"),
        queue("naming"),
        queue("brief", LockDuration="PT2S", MaxDeliveryCount=10),
        queue("renewed", LockDuration="PT4S"),
        queue("expiring", DefaultMessageTimeToLive="PT1S", DeadLetteringOnMessageExpiration=True),
        queue("once", RequiresDuplicateDetection=True, DuplicateDetectionHistoryTimeWindow="PT5M"),
        queue("learners", RequiresSession=True, LockDuration="PT1M"),
        queue("restless", RequiresSession=True, LockDuration="PT2S"),
        queue("renewed-sessions", RequiresSession=True, LockDuration="PT4S"),
        queue("js-work", MaxDeliveryCount=3),
        queue("js-subscribed", LockDuration="PT3S"),
        queue("js-learners", RequiresSession=True),
        queue("js-brief", LockDuration="PT2S"),
        queue("js-restless", RequiresSession=True, LockDuration="PT2S"),
        queue("js-expiring", DefaultMessageTimeToLive="PT1S", DeadLetteringOnMessageExpiration=True),
        queue("js-once", RequiresDuplicateDetection=True, DuplicateDetectionHistoryTimeWindow="PT5M"),
        queue("sync-work", LockDuration="PT2S", MaxDeliveryCount=3),
        queue("sync-learners", RequiresSession=True),
        queue("wire"),
    ],
    topics=[
        topic(
            "events",
            subscription("all"),
            subscription("gold", rule("tier", Properties={"tier": "gold"}), rule("urgent", Label="urgent")),
            subscription("by-learner", RequiresSession=True),
        ),
        topic("js-events", subscription("gold", rule("tier", Properties={"tier": "gold"}))),
    ],
)


@pytest.fixture(scope="session")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a broker that all tests share; each suite has queues of its own."""
    with broker_thread(CONFIGURATION, tmp_path_factory.mktemp("bus") / "bus.sqlite3") as port:
        yield port


@pytest.fixture(scope="session")
def busy_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a broker that refuses every third message and request, as Azure does when it throttles."""
    configuration = namespace(queues=[queue("work"), queue("js-work")])
    with broker_thread(configuration, tmp_path_factory.mktemp("busy") / "bus.sqlite3", busy=3) as port:
        yield port
