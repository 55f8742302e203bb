"""Sessions, topics and subscriptions, with azure-servicebus (aio).

Documented in learn.microsoft.com/azure/service-bus-messaging/message-sessions and …/topic-filters.
"""

from __future__ import annotations

import asyncio

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.local.servicebus.clients.links import Links, receive, receive_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def send(links: Links, name: str, session_id: str, *bodies: str) -> None:
    sender = await links.sender(name)
    await sender.send_messages([ServiceBusMessage(body, session_id=session_id) for body in bodies])


async def test_a_named_session_comes_in_order_and_can_be_renewed(links: Links) -> None:
    await send(links, "learners", "mei", "1", "2")
    await send(links, "learners", "li", "x")

    async with links.session("learners", "mei") as receiver:
        messages = await receive(receiver, 2)
        before = receiver.session.locked_until_utc
        renewed = await receiver.session.renew_lock()
        for message in messages:
            await receiver.complete_message(message)
    async with links.session("learners", "li") as receiver:
        await receiver.complete_message(await receive_one(receiver))

    assert [(str(m), m.session_id) for m in messages] == [("1", "mei"), ("2", "mei")]
    assert before is not None
    assert renewed >= before


async def test_the_next_session_is_found(links: Links) -> None:
    await send(links, "learners", "anyone", "a")

    async with links.session("learners", NEXT_AVAILABLE_SESSION, max_wait_time=5) as receiver:
        message = await receive_one(receiver)
        await receiver.complete_message(message)

    assert receiver.session.session_id == message.session_id == "anyone"


async def test_waiting_for_a_session_ends(links: Links) -> None:
    with pytest.raises(OperationTimeoutError):
        async with links.session("learners", NEXT_AVAILABLE_SESSION, max_wait_time=0.5):
            pass


async def test_a_wait_that_was_given_up_takes_no_session(links: Links) -> None:
    """Or the next message's session would be locked for nobody."""
    receiver = links.new_receiver("learners", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=30)
    opening = asyncio.create_task(receiver.__aenter__())
    await asyncio.sleep(1)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await receiver.close()

    await send(links, "learners", "late", "a")
    async with links.session("learners", NEXT_AVAILABLE_SESSION, max_wait_time=5) as other:
        await other.complete_message(await receive_one(other))
    assert other.session.session_id == "late"


async def test_a_session_has_one_receiver_and_is_free_when_that_closes(links: Links) -> None:
    await send(links, "learners", "shared", "a")

    async with links.new_receiver("learners", session_id="shared") as receiver:
        await receive_one(receiver)
        with pytest.raises(SessionCannotBeLockedError):
            async with links.session("learners", "shared"):
                pass
    async with links.session("learners", "shared") as receiver:
        message = await receive_one(receiver)
        await receiver.complete_message(message)

    assert message.delivery_count == 0


async def test_session_state_is_kept(links: Links) -> None:
    async with links.new_receiver("learners", session_id="stateful") as receiver:
        empty = await receiver.session.get_state()
        await receiver.session.set_state(b"chapter 3")
    async with links.session("learners", "stateful") as receiver:
        kept = await receiver.session.get_state()
        await receiver.session.set_state(None)
        gone = await receiver.session.get_state()

    assert [empty, kept, gone] == [None, b"chapter 3", None]


async def test_a_session_whose_lock_expired_is_lost(links: Links) -> None:
    await send(links, "restless", "mei", "a")

    async with links.session("restless", "mei") as receiver:
        message = await receive_one(receiver)
        await asyncio.sleep(2.2)
        with pytest.raises(SessionLockLostError):
            await receiver.complete_message(message)
    async with links.session("restless", "mei") as receiver:
        again = await receive_one(receiver)
        await receiver.complete_message(again)

    assert again.delivery_count == 1


async def test_deferred_messages_of_a_session_come_by_number(links: Links) -> None:
    await send(links, "learners", "deferring", "a", "b")

    async with links.session("learners", "deferring") as receiver:
        first, second = await receive(receiver, 2)
        assert first.sequence_number is not None
        await receiver.defer_message(first)
        await receiver.complete_message(second)
        [deferred] = await receiver.receive_deferred_messages(first.sequence_number)
        await receiver.complete_message(deferred)

    assert str(deferred) == "a"


async def test_sessions_and_plain_receivers_do_not_mix(links: Links) -> None:
    sender = await links.sender("learners")

    async def refused(receiver: ServiceBusReceiver) -> None:
        with pytest.raises(ServiceBusError, match="not-allowed"):
            async with receiver:
                pass

    wrong = (links.new_receiver("learners"), links.new_receiver("naming", session_id="mei"))
    await asyncio.gather(*map(refused, wrong))
    with pytest.raises(ServiceBusError, match="needs a session id"):
        await sender.send_messages(ServiceBusMessage("without"))


async def test_subscriptions_get_what_their_rules_let_through(links: Links) -> None:
    sender = await links.sender("events/")
    gold, everything = await links.receiver("events/gold"), await links.receiver("events/all")
    for body, subject, tier in (("a", None, "gold"), ("b", "urgent", "tin"), ("c", "calm", "tin")):
        properties: dict[str | bytes, str] = {"tier": tier}
        await sender.send_messages(
            ServiceBusMessage(body, subject=subject, application_properties=dict(properties), session_id="s")
        )

    wanted, all_of_them = await receive(gold, 2), await receive(everything, 3)
    for receiver, messages in ((gold, wanted), (everything, all_of_them)):
        for message in messages:
            await receiver.complete_message(message)
    async with links.session("events/by-learner", "s") as receiver:
        ordered = await receive(receiver, 3)
        for message in ordered:
            await receiver.complete_message(message)

    assert [str(message) for message in wanted] == ["a", "b"]
    assert [str(message) for message in all_of_them] == ["a", "b", "c"]
    assert [message.enqueued_sequence_number for message in ordered] == [
        message.enqueued_sequence_number for message in all_of_them
    ]
    assert await receive(gold, wait=0.2) == []


async def test_a_subscription_has_dead_letters_of_its_own(links: Links) -> None:
    await send(links, "events/", "dead", "a")
    everything = await links.receiver("events/all")
    await everything.complete_message(await receive_one(everything))

    async with links.session("events/by-learner", "dead") as receiver:
        await receiver.dead_letter_message(await receive_one(receiver), reason="schema")
    dead_letters = await links.receiver("events/by-learner", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    dead = await receive_one(dead_letters)
    await dead_letters.complete_message(dead)

    assert (dead.session_id, dead.dead_letter_reason) == ("dead", "schema")


async def test_sessions_are_not_listed(links: Links) -> None:
    with pytest.raises(ServiceBusError, match="get-message-sessions' is not supported"):
        [session async for session in links.client.list_queue_sessions("learners")]
