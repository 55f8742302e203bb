"""What an older azure-servicebus needs: frames with every field, errors of three, tokens in delivery annotations.

Run by `__main__.py` in an environment that has nothing else of the project.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSubQueue,
    __version__,
)
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusError,
)


def receive(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        arrived = receiver.receive_messages(max_message_count=count - len(found), max_wait_time=10)
        assert arrived, f"{len(found)} of {count} messages came"
        found += arrived
    return found


def settlement(client: ServiceBusClient) -> None:
    with client.get_queue_sender("naming") as sender, client.get_queue_receiver("naming") as receiver:
        sender.send_messages(ServiceBusMessage("a", application_properties={"own": "kept"}))
        sender.send_messages([ServiceBusMessage(str(n)) for n in range(30)])
        messages = receive(receiver, 31)
        receiver.renew_message_lock(messages[0])
        receiver.defer_message(messages[0])
        receiver.abandon_message(messages[1])
        receiver.dead_letter_message(messages[2], reason="schema", error_description="no")
        for message in messages[3:]:
            receiver.complete_message(message)

        [deferred] = receiver.receive_deferred_messages(messages[0].sequence_number or 0)
        assert deferred.lock_token
        receiver.renew_message_lock(deferred)
        receiver.complete_message(deferred)
        [again] = receive(receiver)
        assert again.delivery_count == 1
        receiver.complete_message(again)
        with client.get_queue_receiver("naming", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
            [dead] = receive(dead_letters)
            assert dead.dead_letter_reason == "schema"
            dead_letters.complete_message(dead)

        numbers = sender.schedule_messages(ServiceBusMessage("later"), datetime.now(UTC) + timedelta(hours=1))
        assert len(receiver.peek_messages(5, sequence_number=1)) == 1
        sender.cancel_scheduled_messages(numbers)
        sender.send_messages(ServiceBusMessage(b"x" * 300_000))
        [large] = receive(receiver)
        receiver.complete_message(large)


def sessions(client: ServiceBusClient) -> None:
    with client.get_queue_sender("learners") as sender:
        sender.send_messages(ServiceBusMessage("a", session_id="mei"))
    with client.get_queue_receiver("learners", session_id=NEXT_AVAILABLE_SESSION) as receiver:
        [message] = receive(receiver)
        receiver.session.set_state(b"chapter 3")
        assert receiver.session.get_state() == b"chapter 3"
        assert receiver.session.renew_lock() > datetime.now(UTC)
        receiver.complete_message(message)


def errors(client: ServiceBusClient) -> None:
    waiting = client.get_queue_receiver("learners", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1)
    expected: list[tuple[type[ServiceBusError], object]] = [
        (MessagingEntityNotFoundError, client.get_queue_sender("absent")),
        (OperationTimeoutError, waiting),
    ]
    for error, handler in expected:
        try:
            with handler:  # type: ignore[attr-defined]
                raise AssertionError(f"{error.__name__} was expected")
        except error:
            pass
    with client.get_queue_sender("naming") as sender:
        try:
            sender.send_messages(ServiceBusMessage(b"x" * 1_200_000))
            raise AssertionError("a message over the limit was taken")
        except MessageSizeExceededError:
            pass


def main() -> None:
    with ServiceBusClient.from_connection_string(sys.argv[1], retry_total=0) as client:
        for scenario in (settlement, sessions, errors):
            scenario(client)
            print(f"azure-servicebus {__version__}: {scenario.__name__} passed")


if __name__ == "__main__":
    main()
