"""Service Bus triggers on the local Service Bus, filled by Microsoft's SDK.

Behaviour: learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger and -bus (host.json).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from local.connections import connection_settings
from local.paths import PROJECT
from local.ports import Ports
from tests.local.host.running import APPS, PATIENCE, RunningHost, running_host, until
from tests.ports import accepts, free_stack_ports

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Bus:
    """A Service Bus process with the app's entities."""

    def __init__(self, ports: Ports, folder: Path) -> None:
        self._ports = ports
        self._folder = folder
        self.connection = connection_settings(ports)["ServiceBusConnection"]
        self.start()

    def start(self) -> None:
        config = APPS / "bus" / "servicebus.json"
        with (self._folder / "bus-output").open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.servicebus", "--config", str(config)],
                cwd=PROJECT,
                env={**os.environ, **self._ports.environment(), "LOCAL_STATE_DIR": str(self._folder)},
                stdout=sink,
                stderr=sink,
            )
        assert accepts(self._ports.servicebus, within=PATIENCE)
        self._client = ServiceBusClient.from_connection_string(self.connection)
        self._senders: dict[str, ServiceBusSender] = {}

    def stop(self) -> None:
        self._client.close()
        self.process.terminate()
        self.process.wait(timeout=15)

    def kill(self) -> None:
        self._client.close()
        self.process.kill()
        self.process.wait()

    def send(self, entity: str, *messages: ServiceBusMessage | AmqpAnnotatedMessage) -> None:
        if entity not in self._senders:
            self._senders[entity] = self._client.get_queue_sender(entity)
        for message in messages:
            self._senders[entity].send_messages(message)


@pytest.fixture(scope="module")
def ports() -> Ports:
    return free_stack_ports()


@pytest.fixture(scope="module")
def bus(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    bus = Bus(ports, tmp_path_factory.mktemp("bus"))
    yield bus
    bus.stop()


@pytest.fixture(scope="module")
def settings(bus: Bus) -> dict[str, str]:
    return {"ServiceBusConnection": bus.connection, "TOPIC": "events"}


@pytest.fixture(scope="module")
def host(ports: Ports, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with running_host("bus", tmp_path_factory.mktemp("host"), ports=ports, environment=settings) as host:
        yield host


def ordered(session: str, *bodies: str) -> list[ServiceBusMessage]:
    return [ServiceBusMessage(body, session_id=session) for body in bodies]


def test_the_message_and_its_properties_reach_the_function(host: RunningHost, bus: Bus) -> None:
    """Message metadata, as the extension passes it; DeliveryCount starts at 1 in .NET."""
    bus.send(
        "plain",
        ServiceBusMessage(
            b'{"a": 1}',
            message_id="m1",
            subject="s",
            content_type="application/json",
            correlation_id="c",
            application_properties={"n": 1, "t": "x", "f": True},
        ),
    )
    [seen] = until(lambda: host.records(message_id="m1"))
    assert bytes.fromhex(seen["body"]) == b'{"a": 1}'
    assert seen["properties"] == {"n": 1, "t": "x", "f": True}
    assert [seen["subject"], seen["content_type"], seen["correlation_id"]] == ["s", "application/json", "c"]
    assert seen["delivery_count"] == 1
    assert seen["sequence_number"] >= 1
    assert seen["enqueued"].endswith("+00:00")
    assert seen["locked_until"] > seen["enqueued"]
    assert len(seen["lock_token"]) == 36


@pytest.mark.parametrize("body", [b"", bytes(range(256)), "你好".encode()])
def test_any_body_arrives_byte_for_byte(host: RunningHost, bus: Bus, body: bytes) -> None:
    """Empty ones too (azure-functions-python-worker#330)."""
    bus.send("plain", ServiceBusMessage(body, message_id=f"body {len(body)}"))
    [seen] = until(lambda: host.records(message_id=f"body {len(body)}"))
    assert bytes.fromhex(seen["body"]) == body


def test_a_body_that_is_no_data_arrives_as_text(host: RunningHost, bus: Bus) -> None:
    """AMQP knows values, too (OASIS AMQP 1.0, 3.2.8); one that nobody expects must not end the host."""
    value = {"a": 1}
    bus.send("plain", AmqpAnnotatedMessage(value_body=value, properties=AmqpMessageProperties(message_id="value")))
    [seen] = until(lambda: host.records(message_id="value"))
    assert "a" in bytes.fromhex(seen["body"]).decode()


def test_a_message_is_completed_once_its_function_has_succeeded(host: RunningHost, bus: Bus) -> None:
    """Peek-lock behaviour: complete on success, abandon on an exception, which counts a delivery."""
    bus.send("plain", ServiceBusMessage(b"fail-once", message_id="twice"))
    seen = until(lambda: host.records(message_id="twice")[1:] and host.records(message_id="twice"))
    assert [each["delivery_count"] for each in seen] == [1, 2]


def test_what_fails_too_often_reaches_the_function_on_the_dead_letter_queue(host: RunningHost, bus: Bus) -> None:
    """The entity path `queue/$deadletterqueue` is a trigger's too."""
    bus.send("plain", ServiceBusMessage(b"fail", message_id="dies"))
    [seen] = until(lambda: host.records(function="dead", body=b"fail".hex()))
    assert seen["reason"] == "MaxDeliveryCountExceeded"
    assert len(host.records(message_id="dies")) == 2


def test_a_lock_is_renewed_while_its_function_runs_and_no_longer(host: RunningHost, bus: Bus) -> None:
    """`maxAutoLockRenewalDuration`: locks last 5 s, the functions 7 s, and the messages are delivered once."""
    bus.send("plain", ServiceBusMessage(b"slow 7", message_id="renewed"))
    bus.send("events", *ordered("long", "long 7"))
    until(lambda: host.records(body=b"slow ended".hex()) and host.records(at="end", body="long 7"))
    assert len(host.records(message_id="renewed")) == 1
    assert len(host.records(at="start", body="long 7")) == 1


def test_a_sessions_messages_are_handled_in_order(host: RunningHost, bus: Bus) -> None:
    """`isSessionsEnabled`: the next one starts when the one before has ended."""
    bodies = ["a1 0.3", "a2 0", "a3 0"]
    bus.send("events", *ordered("a", *bodies))
    until(lambda: host.records(at="end", body="a3 0"))
    seen = [(each["at"], each["body"]) for each in host.records(function="ordered", session="a")]
    assert seen == [(at, body) for body in bodies for at in ("start", "end")]


def test_sessions_do_not_wait_for_one_another(host: RunningHost, bus: Bus) -> None:
    """Up to `maxConcurrentSessions` at a time."""
    bus.send("events", *ordered("slow", "slow 4"), *ordered("quick", "quick 0"))
    until(lambda: host.records(at="end", body="quick 0"))
    assert not host.records(at="end", body="slow 4")
    until(lambda: host.records(at="end", body="slow 4"))


def test_a_batch_is_one_execution(host: RunningHost, bus: Bus) -> None:
    """Cardinality many: bodies and properties in the order of the messages."""
    bus.send(
        "events",
        *(
            ServiceBusMessage(
                f"{number} 0", session_id="batch", message_id=f"b{number}", application_properties={"n": number}
            )
            for number in range(3)
        ),
    )

    def all_batched() -> list[tuple[str, str, dict[str, Any]]]:
        rows = [
            row
            for each in host.records(function="batched")
            for row in zip(each["bodies"], each["ids"], each["properties"], strict=True)
            if row[1] in ("b0", "b1", "b2")
        ]
        return rows if len(rows) == 3 else []

    assert until(all_batched) == [(f"{number} 0", f"b{number}", {"n": number}) for number in range(3)]


def test_the_senders_trace_is_continued(host: RunningHost, bus: Bus) -> None:
    """`Diagnostic-Id`, as Azure's SDKs put it on messages."""
    [message] = ordered("traced", "traced 0")
    message.application_properties = {"Diagnostic-Id": f"00-{TRACE}-00f067aa0ba902b7-01"}
    bus.send("events", message)
    [seen] = until(lambda: host.records(at="start", body="traced 0"))
    assert seen["trace"].split("-")[1] == TRACE


def test_a_bus_that_goes_away_and_comes_back_is_used_again(host: RunningHost, bus: Bus) -> None:
    """The host outlives it, says so, and goes on where it was."""
    bus.kill()
    until(lambda: "'Functions.plain' cannot receive from plain" in host.output())
    bus.start()
    bus.send("plain", ServiceBusMessage(b"back", message_id="back"))
    bus.send("events", *ordered("back", "back 0"))
    until(lambda: host.records(message_id="back"))
    until(lambda: host.records(at="end", body="back 0"))


def test_a_stop_finishes_what_runs_and_gives_the_rest_back_at_once(host: RunningHost, bus: Bus) -> None:
    """Nothing is lost, and nobody waits for a lock to end: the next host has the session in a moment."""
    bus.send("events", *ordered("handed", "held 2", "next 0"))
    until(lambda: host.records(at="start", body="held 2"))
    assert host.stop() == 0
    assert [each["body"] for each in host.records(at="end", session="handed")] == ["held 2"]
    host.again()
    until(lambda: host.records(at="end", body="next 0"))
    assert len(host.records(at="start", body="held 2")) == 1
