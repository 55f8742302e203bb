"""Errors that clients recognise, with azure-servicebus (aio).

Documented in learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-exceptions-latest.
"""

from __future__ import annotations

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusError,
)

from tests.local.servicebus.clients.links import Links, receive_one
from tests.local.servicebus.running import connection_string

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", ["absent", "events/absent", "absent/all"])
async def test_what_is_not_configured_is_not_found(links: Links, name: str) -> None:
    with pytest.raises(MessagingEntityNotFoundError, match="could not be found"):
        async with links.new_receiver(name):
            pass


async def test_transfer_dead_letters_are_not_found(links: Links) -> None:
    with pytest.raises(MessagingEntityNotFoundError):
        async with links.new_receiver("naming", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER):
            pass


async def test_a_topic_cannot_be_received_from(links: Links) -> None:
    with pytest.raises(ServiceBusError, match="is a topic"):
        async with links.new_receiver("events"):
            pass


@pytest.mark.parametrize("name", ["naming/$DeadLetterQueue", "events/Subscriptions/all"])
async def test_only_queues_and_topics_can_be_sent_to(links: Links, name: str) -> None:
    with pytest.raises(ServiceBusError, match="cannot be sent to"):
        async with links.client.get_queue_sender(name) as sender:
            await sender.send_messages(ServiceBusMessage("a"))


async def test_names_are_found_in_any_case(links: Links) -> None:
    """Names of entities are compared without case."""
    sender = await links.sender("NAMING")
    await sender.send_messages(ServiceBusMessage("a"))

    receiver = await links.receiver("Naming")
    await receiver.complete_message(await receive_one(receiver))


async def test_a_wrong_key_is_an_authentication_error(bus: int) -> None:
    wrong = connection_string(bus).replace("SharedAccessKey=", "SharedAccessKey=not")
    async with ServiceBusClient.from_connection_string(wrong, retry_total=0) as client:
        with pytest.raises(ServiceBusAuthenticationError):
            async with client.get_queue_sender("naming"):
                pass
