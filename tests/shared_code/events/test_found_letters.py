"""What other systems put into the queue of dead letters is on the list too, and nothing is on it twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from shared_code.events.dead_letters import QUEUE
from shared_code.events.letter import Selection, Summary
from shared_code.events.message import IncomingMessage
from tests.shared_code.events.backbone import Backbone, stream_of
from tests.shared_code.events.receiving import receive_dead_letters
from tests.shared_code.events.test_consumer import Handler
from tests.shared_code.events.test_dead_letters import (
    died,
    foreign,
    letters_of,
    misfit,
    only_letter,
    redelivered,
    tenant,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
__all__ = ["tenant"]  # the fixture

SAID: dict[str | bytes, Any] = {
    "DeadLetterReason": "rejected",
    "DeadLetterErrorDescription": "no such lesson",
    "topic": "learning-progress",
    "subscription": "progress",
    "delivery_count": 3,
    "failed_at": "2026-01-02T03:04:05.000Z",
    "correlationid": "9c6a2a2e-0000-4000-8000-000000000001",
}


async def put(servicebus: str, *messages: ServiceBusMessage | AmqpAnnotatedMessage) -> None:
    """Put messages into the queue as another system does, with an SDK alone."""
    async with ServiceBusClient.from_connection_string(servicebus) as client, client.get_queue_sender(QUEUE) as sender:
        for message in messages:
            await sender.send_messages(message)


async def found(backbone: Backbone, tenant: str, session: str) -> list[Summary]:
    summaries = [each async for each in backbone.letters.summaries(tenant, Selection())]
    return [each for each in summaries if each.learner == stream_of(tenant, session)]


async def test_a_letter_as_the_contract_has_it_is_listed_and_redriven_to_where_it_died(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    event = foreign(learner, tenant)
    message_id = f"{event['id']}:progress"
    await put(
        servicebus,
        ServiceBusMessage(
            json.dumps(event).encode(), message_id=message_id, session_id=learner, application_properties=SAID
        ),
    )
    await backbone.found_letters.look()
    await backbone.found_letters.look()
    letter = await only_letter(backbone, tenant)
    summary = letter.summary
    assert (summary.reason, summary.topic, summary.subscriber) == ("rejected", "learning-progress", "progress")
    assert (summary.event_id, summary.message_id, summary.delivery_count) == (event["id"], message_id, 3)
    assert (summary.failed_at.isoformat(), summary.type) == ("2026-01-02T03:04:05+00:00", event["type"])
    assert (letter.description, json.loads(letter.body)) == ("no such lesson", event)
    assert summary.correlation_id == SAID["correlationid"]

    await backbone.redrive.redrive(tenant, [letter], by="op")
    assert await receive_dead_letters(servicebus, learner, count=1, wait=1) == []
    handler = Handler()
    await redelivered(backbone, servicebus, learner, tenant, handler)
    assert [received.event.id for received in handler.handled] == [event["id"]]
    await backbone.found_letters.look()
    assert await letters_of(backbone, tenant) == []


async def test_a_malformed_letter_is_listed_with_what_is_known_and_can_be_discarded(
    backbone: Backbone, servicebus: str, learner: str
) -> None:
    """No JSON or not even bytes, no property of the contract, or one of a wrong type, no message id."""
    await put(
        servicebus,
        ServiceBusMessage(b"\xff\x00 not json", session_id=learner, application_properties={"failed_at": 7}),
        AmqpAnnotatedMessage(
            value_body={"no": "bytes"},
            properties=AmqpMessageProperties(group_id=learner),
            application_properties={"DeadLetterReason": "odd"},
        ),
    )
    await backbone.found_letters.look()
    letters = await found(backbone, "sayzhong", learner)
    assert [(each.reason, each.topic, each.subscriber, each.type) for each in letters] == [("unknown", "", "", "")] * 2
    bodies = set()
    for summary in letters:
        letter = await backbone.letters.open("sayzhong", summary.id)
        bodies.add(letter.body)
        outcome = await backbone.redrive.redrive("sayzhong", [letter], by="op")
        assert [fault.code for _, fault in outcome.refused] == ["subscription-gone"]
        await backbone.redrive.discard("sayzhong", letter, by="op", why="no-use")
    assert bodies == {b"\xff\x00 not json", b""}
    assert await receive_dead_letters(servicebus, learner, count=1, wait=1) == []
    await backbone.found_letters.look()
    assert await found(backbone, "sayzhong", learner) == []


async def test_our_own_letters_are_not_found_once_more(backbone: Backbone, learner: str, tenant: str) -> None:
    """Also not one that is too large for the queue, where it lies without its body."""
    await died(backbone, misfit(learner, tenant))
    await died(backbone, foreign(learner, tenant, padding="x" * 1_048_000), "rejected")
    before = await letters_of(backbone, tenant)
    elsewhere = len(await found(backbone, "sayzhong", learner))
    await backbone.found_letters.look()
    assert await letters_of(backbone, tenant) == before
    assert len(await found(backbone, "sayzhong", learner)) == elsewhere == 0


async def test_a_letter_of_a_tenant_that_only_its_message_names_is_that_tenant_s_alone(
    backbone: Backbone, learner: str, tenant: str
) -> None:
    """What is no event names its tenant beside its body, if at all; the letter in the queue must say it too."""
    message = IncomingMessage(
        body=b"not json", message_id=f"odd-{learner}", session_id=learner, properties={"tenantid": tenant}
    )
    await backbone.dead_letters.send(
        message, reason="schema", description="no JSON", topic="learning-progress", subscription="progress"
    )
    before = await letters_of(backbone, tenant)
    assert len(before) == 1
    await backbone.found_letters.look()
    assert await found(backbone, "sayzhong", learner) == []
    assert await letters_of(backbone, tenant) == before


async def test_a_letter_that_is_redriven_while_somebody_looks_is_not_on_the_list_again(
    backbone: Backbone, other: Backbone, learner: str, tenant: str
) -> None:
    for _ in range(5):
        await died(backbone, foreign(learner, tenant), "rejected")
        _, _ = await asyncio.gather(
            other.found_letters.look(), backbone.redrive.redrive(tenant, [await only_letter(backbone, tenant)], by="op")
        )
        assert await letters_of(backbone, tenant) == []


async def test_a_letter_that_died_of_being_received_too_often_is_put_back(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    """The queue knows its id still, and drops what comes under it."""
    event = misfit(learner, tenant)
    await died(backbone, event)
    before = await only_letter(backbone, tenant)
    await give_back(servicebus, learner, 10)
    [dead] = await dead_in_the_queue(servicebus, learner)
    for _ in range(2):  # a crash may have it put back again
        await backbone.found_letters.put_back(dead)
    after = await only_letter(backbone, tenant)
    assert (after.summary.id, after.summary.reason, after.description) == (before.summary.id, "schema", "/data: wrong")
    await backbone.found_letters.look()
    assert [each.id for each in await letters_of(backbone, tenant)] == [before.summary.id]
    await backbone.redrive.discard(tenant, after, by="op", why="no-use")
    assert await receive_dead_letters(servicebus, learner, count=2, wait=1) == []


async def give_back(servicebus: str, session: str, times: int) -> None:
    """Receive a session's message and abandon it so often."""
    async with (
        ServiceBusClient.from_connection_string(servicebus) as client,
        client.get_queue_receiver(QUEUE, session_id=session) as receiver,
    ):
        for _ in range(times):
            [message] = await receiver.receive_messages(1, max_wait_time=10)
            await receiver.abandon_message(message)


async def dead_in_the_queue(servicebus: str, session: str) -> list[IncomingMessage]:
    """Take what died in the queue and is of this session out of its `$deadletterqueue`."""
    taken = []
    async with (
        ServiceBusClient.from_connection_string(servicebus) as client,
        client.get_queue_receiver(f"{QUEUE}/$deadletterqueue") as receiver,
    ):
        for message in await receiver.receive_messages(10, max_wait_time=10):
            assert message.session_id == session
            properties = {_text(name): _text(value) for name, value in (message.application_properties or {}).items()}
            taken.append(
                IncomingMessage(
                    body=b"".join(message.body),
                    message_id=str(message.message_id),
                    session_id=session,
                    properties=properties,
                )
            )
            await receiver.complete_message(message)
    return taken


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
