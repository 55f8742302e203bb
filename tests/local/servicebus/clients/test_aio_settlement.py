"""Settlement, with azure-servicebus (aio).

Documented in learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement, …/message-deferral
and …/service-bus-dead-letter-queues.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError, MessageNotFoundError

from tests.local.servicebus.clients.links import Links, receive, receive_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_property_arrives_with_its_type(links: Links) -> None:
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    properties: Any = {"text": "你好", "bytes": b"\x00", "int": 7, "float": 0.5, "bool": True, "uuid": uuid.UUID(int=7)}
    await sender.send_messages(
        ServiceBusMessage(
            "body",
            application_properties=dict(properties),
            message_id="id",
            content_type="text/plain",
            correlation_id="correlation",
            subject="subject",
            to="to",
            reply_to="reply",
            reply_to_session_id="reply session",
            partition_key="key",
            time_to_live=timedelta(minutes=5),
        )
    )

    message = await receive_one(receiver)

    assert (str(message), message.message_id, message.content_type) == ("body", "id", "text/plain")
    assert (message.correlation_id, message.subject, message.to) == ("correlation", "subject", "to")
    assert (message.reply_to, message.reply_to_session_id) == ("reply", "reply session")
    assert (message.partition_key, message.time_to_live) == ("key", timedelta(minutes=5))
    assert {key.decode(): value for key, value in cast(Any, message.application_properties).items()} == {
        **properties,
        "text": "你好".encode(),
    }
    await receiver.complete_message(message)


async def test_every_system_property_is_there(links: Links) -> None:
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    await sender.send_messages(ServiceBusMessage("body", time_to_live=timedelta(minutes=5)))

    message = await receive_one(receiver)

    assert (message.delivery_count, message.state) == (0, ServiceBusMessageState.ACTIVE)
    assert message.sequence_number
    assert message.lock_token
    assert message.message_id
    assert message.enqueued_time_utc
    assert message.locked_until_utc
    assert message.expires_at_utc
    assert abs(datetime.now(UTC) - message.enqueued_time_utc) < timedelta(minutes=1)
    assert timedelta(seconds=30) < message.locked_until_utc - message.enqueued_time_utc < timedelta(minutes=2)
    assert message.expires_at_utc - message.enqueued_time_utc == timedelta(minutes=5)
    await receiver.complete_message(message)


async def test_a_message_is_completed_once(links: Links) -> None:
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    await sender.send_messages(ServiceBusMessage("once"))

    message = await receive_one(receiver)
    await receiver.complete_message(message)

    with pytest.raises(MessageAlreadySettled):
        await receiver.complete_message(message)


async def test_an_abandoned_message_returns_until_it_is_dead(links: Links) -> None:
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    dead_letters = await links.receiver("settling", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    await sender.send_messages(ServiceBusMessage("stubborn"))

    seen = []
    for _ in range(3):
        message = await receive_one(receiver)
        seen.append((message.delivery_count, message.sequence_number))
        await receiver.abandon_message(message)
    dead = await receive_one(dead_letters)
    await dead_letters.complete_message(dead)

    assert [count for count, _ in seen] == [0, 1, 2]
    assert len({number for _, number in seen}) == 1
    assert (str(dead), dead.dead_letter_reason) == ("stubborn", "MaxDeliveryCountExceeded")
    assert dead.dead_letter_error_description
    assert dead.delivery_count == 3


async def test_a_dead_letter_says_why(links: Links) -> None:
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    dead_letters = await links.receiver("settling", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    await sender.send_messages(ServiceBusMessage("odd", application_properties={"own": "kept"}))

    message = await receive_one(receiver)
    await receiver.dead_letter_message(message, reason="schema", error_description="no such field")
    dead = await receive_one(dead_letters)
    await dead_letters.complete_message(dead)

    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("schema", "no such field")
    assert dead.application_properties == {
        b"own": b"kept",
        b"DeadLetterReason": b"schema",
        b"DeadLetterErrorDescription": b"no such field",
    }


async def test_a_deferred_message_waits_for_its_number(links: Links) -> None:
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    await sender.send_messages(ServiceBusMessage("later"))
    message = await receive_one(receiver)
    assert message.sequence_number is not None

    await receiver.defer_message(message)
    assert await receive(receiver, wait=0.3) == []
    [peeked] = await receiver.peek_messages(1, sequence_number=message.sequence_number)
    [deferred] = await receiver.receive_deferred_messages(message.sequence_number)
    before = deferred.locked_until_utc
    renewed = await receiver.renew_message_lock(deferred)
    await receiver.complete_message(deferred)

    assert (str(peeked), peeked.state) == ("later", ServiceBusMessageState.DEFERRED)
    assert (str(deferred), deferred.state) == ("later", ServiceBusMessageState.DEFERRED)
    assert before is not None
    assert renewed >= before
    with pytest.raises(MessageNotFoundError):
        await receiver.receive_deferred_messages(message.sequence_number)


async def test_deferred_messages_are_abandoned_and_dead_lettered_by_request(links: Links) -> None:
    """They came over the management link, and are settled there."""
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    dead_letters = await links.receiver("settling", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    await sender.send_messages(ServiceBusMessage("later"))
    message = await receive_one(receiver)
    assert message.sequence_number is not None
    await receiver.defer_message(message)

    [again] = await receiver.receive_deferred_messages(message.sequence_number)
    await receiver.abandon_message(again)
    [again] = await receiver.receive_deferred_messages(message.sequence_number)
    await receiver.defer_message(again)
    [again] = await receiver.receive_deferred_messages(message.sequence_number)
    await receiver.dead_letter_message(again, reason="enough")
    dead = await receive_one(dead_letters)
    await dead_letters.complete_message(dead)

    assert (again.delivery_count, dead.dead_letter_reason) == (1, "enough")


async def test_completes_at_once_are_confirmed_one_by_one(links: Links) -> None:
    """A confirmation of a whole range would leave the client waiting for every other delivery."""
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    await sender.send_messages([ServiceBusMessage(str(n)) for n in range(200)])

    messages = await receive(receiver, 200)
    await asyncio.wait_for(asyncio.gather(*(receiver.complete_message(message) for message in messages)), 20)

    assert [str(message) for message in messages] == [str(n) for n in range(200)]


async def test_requests_and_settlements_go_side_by_side(links: Links) -> None:
    """pyamqp takes a delivery id of ours for one of its own requests if the two are equal."""
    sender, receiver = await links.sender("settling"), await links.receiver("settling")
    dead_letters = await links.receiver("settling", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    await sender.send_messages([ServiceBusMessage(str(n)) for n in range(10)])
    messages = await receive(receiver, 10)

    await asyncio.wait_for(
        asyncio.gather(
            *(receiver.renew_message_lock(message) for message in messages[:5]),
            *(receiver.dead_letter_message(message, reason="r") for message in messages[5:]),
        ),
        20,
    )
    await asyncio.gather(*(receiver.complete_message(message) for message in messages[:5]))

    for dead in await receive(dead_letters, 5):
        await dead_letters.complete_message(dead)


async def test_receive_and_delete(links: Links) -> None:
    sender = await links.sender("settling")
    await sender.send_messages([ServiceBusMessage(str(n)) for n in range(5)])

    receiver = await links.receiver("settling", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    messages = await receive(receiver, 5)

    assert [str(message) for message in messages] == ["0", "1", "2", "3", "4"]
    assert await receiver.peek_messages(1, sequence_number=1) == []


async def test_a_lock_that_expired_is_lost_and_the_message_comes_again(links: Links) -> None:
    sender, receiver = await links.sender("brief"), await links.receiver("brief")
    await sender.send_messages(ServiceBusMessage("slow"))
    message = await receive_one(receiver)

    again = await receive_one(receiver)
    assert (again.delivery_count, again.sequence_number) == (1, message.sequence_number)
    await receiver.complete_message(again)

    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(message)
    with pytest.raises(MessageLockLostError):
        await receiver.renew_message_lock(message)


async def test_the_broker_itself_refuses_a_late_complete(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client looks at its clock first; here it is made to believe in the lock."""
    sender, receiver = await links.sender("brief"), await links.receiver("brief")
    await sender.send_messages(ServiceBusMessage("slow"))
    message = await receive_one(receiver)
    again = await receive_one(receiver)
    await receiver.complete_message(again)

    monkeypatch.setattr(type(message), "_lock_expired", False)
    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(message)
