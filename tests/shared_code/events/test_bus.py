from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.connections import connection_settings
from local.paths import PROJECT
from local.ports import Ports
from shared_code.domain.errors import Unavailable
from shared_code.events.bus import Bus, BusNamespace
from shared_code.events.message import OutgoingMessage
from tests.ports import accepts, free_stack_ports
from tests.shared_code.events.backbone import Backbone
from tests.shared_code.events.receiving import receive

pytestmark = pytest.mark.asyncio(loop_scope="session")


def message(learner: str, number: int, size: int = 100) -> OutgoingMessage:
    return OutgoingMessage(body=b"%08d" % number + b"x" * size, message_id=f"{learner}-{number}", session_id=learner)


async def test_senders_at_once_share_batches_and_each_keeps_its_order(
    backbone: Backbone, servicebus: str, learner: str
) -> None:
    await asyncio.gather(
        *(backbone.bus.send("learning-progress", [message(learner, n) for n in range(s, s + 10)]) for s in (0, 10, 20))
    )
    received = await receive(servicebus, "learning-progress", "progress", learner, count=30)
    numbers = [int(each.body[:8]) for each in received]
    assert sorted(numbers) == list(range(30))
    for start in (0, 10, 20):
        assert [number for number in numbers if start <= number < start + 10] == list(range(start, start + 10))


async def test_more_than_one_batch_takes_arrives_in_order(backbone: Backbone, servicebus: str, learner: str) -> None:
    await backbone.bus.send("learning-progress", [message(learner, number, 50_000) for number in range(12)])
    received = await receive(servicebus, "learning-progress", "progress", learner, count=12)
    assert [int(each.body[:8]) for each in received] == list(range(12))


async def test_a_topic_that_is_not_there_is_unavailable(backbone: Backbone, learner: str) -> None:
    with pytest.raises(Unavailable):
        await backbone.bus.send(f"no-such-{uuid.uuid4().hex[:8]}", [message(learner, 1)])


@pytest.mark.parametrize(
    ("namespace", "endpoint"),
    [
        (BusNamespace(host="ns"), ("ns", 5671)),
        (BusNamespace("Endpoint=sb://ns/;SharedAccessKeyName=a;SharedAccessKey=b=="), ("ns", 5671)),
        (BusNamespace("Endpoint=sb://localhost;UseDevelopmentEmulator=true;"), ("localhost", 5672)),
        (BusNamespace("Endpoint=sb://localhost:5690;UseDevelopmentEmulator=true;"), ("localhost", 5690)),
    ],
)  # fmt: skip
async def test_where_a_namespace_listens_follows_from_its_settings(
    namespace: BusNamespace, endpoint: tuple[str, int]
) -> None:
    assert namespace.endpoint() == endpoint


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[tuple[str, Ports, dict[str, str]]]:
    """Connection string, ports and environment of a Service Bus peer of one's own."""
    ports = free_stack_ports()
    environment = {**os.environ, **ports.environment(), "LOCAL_STATE_DIR": str(tmp_path)}
    yield connection_settings(ports)["ServiceBusConnection"], ports, environment


def started(ports: Ports, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local.servicebus"], cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL
    )
    assert accepts(ports.servicebus)
    return process


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_bus_that_was_killed_is_used_again_when_it_is_back(
    mortal: tuple[str, Ports, dict[str, str]], learner: str
) -> None:
    connection, ports, environment = mortal
    process = started(ports, environment)
    bus = Bus(BusNamespace(connection_string=connection))
    try:
        await bus.send("learning-progress", [message(learner, 1)])
        assert await bus.answers()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not await bus.answers()
        with pytest.raises(Unavailable):
            await bus.send("learning-progress", [message(learner, 2)])

        process = started(ports, environment)
        async with asyncio.timeout(60):
            while True:
                try:
                    await bus.send("learning-progress", [message(learner, 2)])
                    break
                except Unavailable:
                    await asyncio.sleep(0.2)
        received = await receive(connection, "learning-progress", "progress", learner, count=2)
        assert [int(each.body[:8]) for each in received] == [1, 2]
    finally:
        await bus.close()
        process.terminate()
        process.wait()
        gc.collect()  # the SDK leaves the stream of a connection that broke to the garbage collector, with a warning
