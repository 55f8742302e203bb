from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.local.servicebus.broker.bench import Bench
from tests.local.servicebus.configuration import namespace, queue, rule, subscription, topic

CONFIGURATION = namespace(
    queues=[
        queue("plain", LockDuration="PT1M", MaxDeliveryCount=3, DefaultMessageTimeToLive="P1D"),
        queue("expiring", DefaultMessageTimeToLive="PT1M", DeadLetteringOnMessageExpiration=True),
        queue("dropping", DefaultMessageTimeToLive="PT1M"),
        queue("once", RequiresDuplicateDetection=True, DuplicateDetectionHistoryTimeWindow="PT5M"),
        queue("learners", RequiresSession=True, MaxDeliveryCount=3, DefaultMessageTimeToLive="P1D"),
    ],
    topics=[
        topic(
            "events",
            subscription("all"),
            subscription("gold", rule("tier", Properties={"tier": "gold"}), rule("urgent", Label="urgent")),
            subscription("ordered", rule("sessions", Label="session"), RequiresSession=True),
            RequiresDuplicateDetection=True,
            DuplicateDetectionHistoryTimeWindow="PT5M",
            DefaultMessageTimeToLive="PT10M",
        ),
        topic("silent", subscription("nothing", rule("never", Label="never"))),
    ],
)


type OpenBench = Callable[[bytes], Bench]


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[OpenBench]:
    opened: list[Bench] = []

    def open_one(configuration: bytes) -> Bench:
        opened.append(Bench(configuration, tmp_path / "bus.sqlite3"))
        return opened[-1]

    yield open_one
    for bench in opened:
        bench.store.close()


@pytest.fixture
def bench(open_bench: OpenBench) -> Bench:
    return open_bench(CONFIGURATION)
