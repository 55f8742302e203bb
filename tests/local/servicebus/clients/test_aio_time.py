"""Expiry, renewal, scheduling and duplicates, with azure-servicebus (aio).

Documented in learn.microsoft.com/azure/service-bus-messaging/message-expiration, …/message-sequencing and
…/duplicate-detection.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer
from azure.servicebus.exceptions import MessageNotFoundError

from tests.local.servicebus.clients.links import Links, receive, receive_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_expired_message_is_dead_lettered(links: Links) -> None:
    sender = await links.sender("expiring")
    await sender.send_messages(ServiceBusMessage("short-lived"))

    dead_letters = await links.receiver("expiring", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    dead = await receive_one(dead_letters)
    await dead_letters.complete_message(dead)

    assert (str(dead), dead.dead_letter_reason) == ("short-lived", "TTLExpiredException")


async def test_the_lock_renewer_keeps_messages_and_sessions(links: Links) -> None:
    """It looks every second, and asks when less than ten seconds are left."""
    sender, session_sender = await links.sender("renewed"), await links.sender("renewed-sessions")
    await sender.send_messages(ServiceBusMessage("long work"))
    await session_sender.send_messages(ServiceBusMessage("long work", session_id="mei"))

    async with (
        links.new_receiver("renewed") as receiver,
        links.new_receiver("renewed-sessions", session_id="mei") as session_receiver,
        AutoLockRenewer() as renewer,
    ):
        message, session_message = await receive_one(receiver), await receive_one(session_receiver)
        renewer.register(receiver, message, max_lock_renewal_duration=30)
        renewer.register(session_receiver, session_receiver.session, max_lock_renewal_duration=30)
        await asyncio.sleep(5)
        await receiver.complete_message(message)
        await session_receiver.complete_message(session_message)

    assert [message.auto_renew_error, session_receiver.session.auto_renew_error] == [None, None]


async def test_a_scheduled_message_comes_when_due_and_can_be_seen_before(links: Links) -> None:
    sender, receiver = await links.sender("timing"), await links.receiver("timing")
    due = datetime.now(UTC) + timedelta(seconds=2)

    [number] = await sender.schedule_messages(ServiceBusMessage("later"), due)
    [peeked] = await receiver.peek_messages(1, sequence_number=number)
    message = await receive_one(receiver)
    await receiver.complete_message(message)

    assert (peeked.state, peeked.sequence_number) == (ServiceBusMessageState.SCHEDULED, number)
    assert datetime.now(UTC) >= due
    assert (message.state, message.sequence_number) == (ServiceBusMessageState.ACTIVE, number)
    assert message.enqueued_time_utc is not None
    assert abs(message.enqueued_time_utc - due) < timedelta(milliseconds=10)


async def test_a_message_may_carry_its_own_time(links: Links) -> None:
    sender, receiver = await links.sender("timing"), await links.receiver("timing")
    due = datetime.now(UTC) + timedelta(seconds=0.5)

    await sender.send_messages(ServiceBusMessage("later", scheduled_enqueue_time_utc=due))
    message = await receive_one(receiver)
    await receiver.complete_message(message)

    assert datetime.now(UTC) >= due
    assert message.scheduled_enqueue_time_utc is not None


async def test_scheduled_messages_can_be_cancelled_until_they_are_due(links: Links) -> None:
    sender, receiver = await links.sender("timing"), await links.receiver("timing")
    now = datetime.now(UTC)
    far = await sender.schedule_messages([ServiceBusMessage(body) for body in "ab"], now + timedelta(hours=1))
    near = await sender.schedule_messages(ServiceBusMessage("c"), now + timedelta(seconds=0.3))

    await sender.cancel_scheduled_messages(far)
    message = await receive_one(receiver)
    await receiver.complete_message(message)

    assert str(message) == "c"
    for numbers in (far, near):
        with pytest.raises(MessageNotFoundError):
            await sender.cancel_scheduled_messages(numbers)


async def test_the_same_message_id_is_taken_once(links: Links) -> None:
    sender, receiver = await links.sender("once"), await links.receiver("once")

    for body in ("first", "second", "third"):
        await sender.send_messages(ServiceBusMessage(body, message_id="the same"))
    message = await receive_one(receiver)
    await receiver.complete_message(message)

    assert str(message) == "first"
    assert await receive(receiver, wait=0.2) == []
