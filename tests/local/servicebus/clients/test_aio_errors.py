"""Errors that clients recognise, with azure-servicebus (aio).

Documented in learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-exceptions-latest.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from tests.local.servicebus.clients.links import Links, receive, receive_one
from tests.local.servicebus.running import connection_string

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def failure(handler: Any) -> ServiceBusError:
    with pytest.raises(ServiceBusError) as caught:
        async with handler:
            pass
    return caught.value


async def test_what_is_not_configured_is_not_found(links: Links) -> None:
    transfer = links.new_receiver("naming", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER)
    absent = [links.new_receiver(name) for name in ("absent", "events/absent", "absent/all")]

    failures = await asyncio.gather(*map(failure, [transfer, *absent]))

    assert [type(each) for each in failures] == [MessagingEntityNotFoundError] * 4
    assert all("could not be found" in str(each) for each in failures)


async def test_only_what_takes_messages_is_sent_to_and_what_holds_them_received_from(links: Links) -> None:
    senders = [links.client.get_queue_sender(name) for name in ("naming/$DeadLetterQueue", "events/Subscriptions/all")]

    failures = await asyncio.gather(*map(failure, [links.new_receiver("events"), *senders]))

    assert "is a topic" in str(failures[0])
    assert all("cannot be sent to" in str(each) for each in failures[1:])


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


async def test_a_busy_server_is_recognised_and_tried_again(busy_bus: int) -> None:
    """service-bus-throttling: a client that tries again gets through, and no message is taken twice."""
    hasty = ServiceBusClient.from_connection_string(connection_string(busy_bus), retry_total=0)
    async with hasty, hasty.get_queue_sender("work") as sender:
        with pytest.raises(ServiceBusServerBusyError, match="throttled"):
            for _ in range(3):
                await sender.send_messages(ServiceBusMessage("hasty"))
    patient = ServiceBusClient.from_connection_string(connection_string(busy_bus), retry_backoff_factor=0.01)
    async with patient, patient.get_queue_sender("work") as sender:
        for n in range(6):
            await sender.send_messages(ServiceBusMessage(str(n)))
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with patient, patient.get_queue_receiver("work", receive_mode=mode) as receiver:
        found = [str(message) for message in await receive(receiver, 8, wait=2)]

    assert [body for body in found if body != "hasty"] == ["0", "1", "2", "3", "4", "5"]
