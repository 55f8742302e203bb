"""The blocking client of azure-servicebus, in short: the same protocol, other code in the SDK.

Documented in learn.microsoft.com/python/api/overview/azure/servicebus-readme.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import MessagingEntityNotFoundError, OperationTimeoutError

from tests.local.servicebus.running import connection_string


@pytest.fixture(scope="module")
def client(bus: int) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(connection_string(bus), retry_total=0) as client:
        yield client


@pytest.fixture(scope="module")
def sender(client: ServiceBusClient) -> Iterator[ServiceBusSender]:
    with client.get_queue_sender("sync-work") as sender:
        yield sender


@pytest.fixture(scope="module")
def receiver(client: ServiceBusClient) -> Iterator[ServiceBusReceiver]:
    with client.get_queue_receiver("sync-work") as receiver:
        yield receiver


def receive(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        arrived = receiver.receive_messages(max_message_count=count - len(found), max_wait_time=10)
        assert arrived, f"{len(found)} of {count} messages came"
        found += arrived
    return found


def test_batches_are_sent_received_and_completed(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    sender.send_messages([ServiceBusMessage(str(n)) for n in range(50)])

    messages = receive(receiver, 50)
    for message in messages:
        receiver.complete_message(message)

    assert [str(message) for message in messages] == [str(n) for n in range(50)]


def test_messages_are_abandoned_deferred_and_dead_lettered(
    client: ServiceBusClient, sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    sender.send_messages(ServiceBusMessage("a"))
    [first] = receive(receiver)
    receiver.abandon_message(first)
    [second] = receive(receiver)
    assert second.sequence_number is not None
    receiver.defer_message(second)
    [deferred] = receiver.receive_deferred_messages(second.sequence_number)
    receiver.dead_letter_message(deferred, reason="schema", error_description="no")

    with client.get_queue_receiver("sync-work", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
        [dead] = receive(dead_letters)
        dead_letters.complete_message(dead)

    assert [first.delivery_count, second.delivery_count] == [0, 1]
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("schema", "no")


def test_locks_are_renewed_in_a_thread(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    sender.send_messages(ServiceBusMessage("long work"))

    [message] = receive(receiver)
    before = message.locked_until_utc
    after = receiver.renew_message_lock(message)
    with AutoLockRenewer() as renewer:
        renewer.register(receiver, message, max_lock_renewal_duration=10)
        receiver.complete_message(message)

    assert before is not None
    assert after >= before


def test_messages_are_scheduled_cancelled_and_peeked(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    numbers = sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)

    peeked = receiver.peek_messages(10, sequence_number=numbers[0])
    sender.cancel_scheduled_messages(numbers)

    assert [str(message) for message in peeked] == ["a", "b"]
    assert receiver.peek_messages(10, sequence_number=numbers[0]) == []


def test_sessions_are_found_and_keep_state(client: ServiceBusClient) -> None:
    with client.get_queue_sender("sync-learners") as sender:
        sender.send_messages(ServiceBusMessage("a", session_id="mei"))

    with client.get_queue_receiver("sync-learners", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5) as receiver:
        [message] = receive(receiver)
        receiver.session.set_state("chapter 3")
        receiver.complete_message(message)
        state = receiver.session.get_state()

    assert (receiver.session.session_id, state) == ("mei", b"chapter 3")


def test_errors_are_recognised(client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError), client.get_queue_receiver("absent"):
        pass
    waiting = client.get_queue_receiver("sync-learners", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5)
    with pytest.raises(OperationTimeoutError), waiting:
        pass
