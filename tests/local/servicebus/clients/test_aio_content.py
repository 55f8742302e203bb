"""What messages carry, and how many at once, with azure-servicebus (aio).

Documented in learn.microsoft.com/azure/service-bus-messaging/service-bus-messages-payloads and …/service-bus-quotas.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import MessageSizeExceededError

from tests.local.servicebus.clients.links import Links, receive, receive_one
from tests.local.servicebus.messages import message_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_batches_of_one_and_of_many_arrive_as_single_messages(links: Links) -> None:
    sender, receiver = await links.sender("carrying"), await links.receiver("carrying")
    for count in (1, 50):
        batch = await sender.create_message_batch()
        for n in range(count):
            batch.add_message(ServiceBusMessage(f"{n}", message_id=f"id-{n}"))
        await sender.send_messages(batch)

        messages = await receive(receiver, count)
        await asyncio.gather(*(receiver.complete_message(message) for message in messages))

        assert [(str(m), m.message_id) for m in messages] == [(f"{n}", f"id-{n}") for n in range(count)]


async def test_a_batch_holds_256_kilobytes(links: Links) -> None:
    sender = await links.sender("carrying")
    batch = await sender.create_message_batch()

    assert batch.max_size_in_bytes == 262_144
    with pytest.raises(MessageSizeExceededError):
        batch.add_message(ServiceBusMessage("x" * 262_144))


async def test_large_messages_take_several_frames_both_ways(links: Links) -> None:
    sender, receiver = await links.sender("carrying"), await links.receiver("carrying")
    body = bytes(range(256)) * 3_500

    await sender.send_messages(ServiceBusMessage(body))
    message = await receive_one(receiver)
    await receiver.complete_message(message)

    assert b"".join(cast(Any, message.body)) == body


async def test_a_message_over_the_limit_is_refused(links: Links) -> None:
    """The client does not look at the limit; the broker does, and goes on serving the link."""
    sender, receiver = await links.sender("carrying"), await links.receiver("carrying")

    with pytest.raises(MessageSizeExceededError):
        await sender.send_messages(ServiceBusMessage("x" * 1_200_000))

    await sender.send_messages(ServiceBusMessage("small"))
    message = await receive_one(receiver)
    await receiver.complete_message(message)
    assert str(message) == "small"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"data_body": [b"one", b"two"]}, AmqpMessageBodyType.DATA),
        ({"sequence_body": [[1, "a"], [True]]}, AmqpMessageBodyType.SEQUENCE),
        ({"value_body": {"key": [1, 2]}}, AmqpMessageBodyType.VALUE),
    ],
)
async def test_bodies_annotations_and_footers_of_amqp_are_carried(
    links: Links, body: dict[str, Any], kind: AmqpMessageBodyType
) -> None:
    sender, receiver = await links.sender("carrying"), await links.receiver("carrying")
    await sender.send_messages(AmqpAnnotatedMessage(**body, annotations={"x-own": "a"}, footer={"check": 1}))

    message = await receive_one(receiver)
    raw = message.raw_amqp_message
    await receiver.complete_message(message)

    assert raw.body_type == kind
    assert raw.annotations is not None
    assert raw.annotations[b"x-own"] == b"a"
    assert raw.footer == {b"check": 1}


async def test_a_body_that_is_an_encoded_message_is_not_a_batch(links: Links) -> None:
    sender, receiver = await links.sender("carrying"), await links.receiver("carrying")
    inner = message_bytes("inner")

    await sender.send_messages(ServiceBusMessage(inner))
    message = await receive_one(receiver)
    await receiver.complete_message(message)

    assert b"".join(cast(Any, message.body)) == inner


async def test_a_prefetching_receiver_gets_everything_in_order(links: Links) -> None:
    sender = await links.sender("carrying")
    for start in range(0, 1_000, 250):
        await sender.send_messages([ServiceBusMessage(str(n)) for n in range(start, start + 250)])

    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with links.new_receiver("carrying", receive_mode=mode, prefetch_count=100) as receiver:
        messages = await receive(receiver, 1_000, wait=30)

    assert [str(message) for message in messages] == [str(n) for n in range(1_000)]


async def test_prefetched_messages_are_given_back_uncounted(links: Links) -> None:
    sender, receiver = await links.sender("carrying"), await links.receiver("carrying")
    await sender.send_messages([ServiceBusMessage(str(n)) for n in range(10)])
    async with links.new_receiver("carrying", prefetch_count=10) as eager:
        [first] = await eager.receive_messages(1, max_wait_time=5)
        await eager.complete_message(first)

    messages = await receive(receiver, 9)
    await asyncio.gather(*(receiver.complete_message(message) for message in messages))

    assert [(str(m), m.delivery_count) for m in messages] == [(str(n), 0) for n in range(1, 10)]


async def test_a_receiver_can_be_iterated(links: Links) -> None:
    sender = await links.sender("carrying")
    await sender.send_messages([ServiceBusMessage(str(n)) for n in range(3)])

    bodies = []
    async with links.new_receiver("carrying", max_wait_time=1) as receiver:
        async for message in receiver:
            bodies.append(str(message))
            await receiver.complete_message(message)

    assert bodies == ["0", "1", "2"]


async def test_peek_reads_page_by_page(links: Links) -> None:
    """learn.microsoft.com/azure/service-bus-messaging/message-browsing."""
    sender, receiver = await links.sender("carrying"), await links.receiver("carrying")
    await sender.send_messages([ServiceBusMessage(str(n)) for n in range(7)])
    messages = await receive(receiver, 7)
    first = messages[0].sequence_number
    assert first is not None

    pages = [
        await receiver.peek_messages(5, sequence_number=first),
        await receiver.peek_messages(5, sequence_number=first + 5),
    ]
    await asyncio.gather(*(receiver.complete_message(message) for message in messages))

    assert [[str(message) for message in page] for page in pages] == [["0", "1", "2", "3", "4"], ["5", "6"]]
