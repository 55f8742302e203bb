"""What keeps us from an attempt is waited for while it may pass; what cannot get better is given up in plain sight."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import NotFound, Unavailable
from shared_code.events.archive import PayloadMissing
from shared_code.events.letter import Letter, Selection, Summary
from shared_code.events.message import IncomingMessage
from shared_code.events.redrive import Redrive
from shared_code.services.webhooks.attempt import QUEUE, Attempt
from shared_code.services.webhooks.subscriptions import Subscription
from shared_code.services.webhooks.undelivered import UNFORESEEN
from shared_code.storage.rows import Row
from tests.shared_code.events.backbone import stream_of
from tests.shared_code.services.webhooks.office import Office, pumping
from tests.shared_code.services.webhooks.subscriber import Subscriber

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def asked_for(office: Office, webhook: Subscription, *, put_off: int = 0) -> IncomingMessage:
    """The message of the first attempt at the only delivery."""
    delivery = await office.only(webhook)
    asked = Attempt(tenant=office.tenant, webhook_id=webhook.id, delivery_id=delivery.id, number=1, put_off=put_off)
    return IncomingMessage(body=b"", message_id=str(uuid.uuid4()), properties=asked.message().properties)


async def work(office: Office, message: IncomingMessage) -> None:
    """Do what the queue's trigger does."""
    try:
        await office.postman.attempt(message)
    except Exception as failure:  # noqa: BLE001  as the trigger does
        await office.undelivered.failed(message, failure)


async def letters(office: Office) -> list[Summary]:
    return [each async for each in office.backbone.letters.summaries(office.tenant, Selection())]


async def only_letter(office: Office) -> Letter:
    [summary] = await letters(office)
    return await office.backbone.letters.open(office.tenant, summary.id)


async def _lose(_: IncomingMessage) -> None:
    """A message is received and nothing comes of it."""


def redrive_of(office: Office) -> Redrive:
    return office.backbone.redrive_with({QUEUE: office.undelivered.redrive})


async def test_a_broken_seal_is_given_up_at_once_and_not_tried_each_minute(
    office: Office, subscriber: Subscriber
) -> None:
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei")
    table = office.backbone.tables.table("webhooks")
    row = await table.get(office.tenant, webhook.id)
    assert row is not None
    await table.put(Row(office.tenant, webhook.id, {**row.values, "secrets": b"moved or changed"}))
    await work(office, await asked_for(office, webhook))
    delivery = await office.only(webhook)
    assert (delivery.state, delivery.failure, delivery.next_at) == ("failed", "seal-broken", None)
    letter = await only_letter(office)
    assert (letter.summary.reason, letter.summary.topic, letter.summary.subscriber) == ("rejected", QUEUE, webhook.id)
    assert (letter.summary.event_id, letter.body) == (event.id, event.encode())
    assert subscriber.heard == []


async def test_a_webhook_whose_key_is_gone_is_given_up_at_once(office: Office, subscriber: Subscriber) -> None:
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    await office.backbone.keys.erase(f"webhook-{webhook.id}")
    await work(office, await asked_for(office, webhook))
    assert (await office.only(webhook)).state == "failed"
    assert len(await letters(office)) == 1


async def test_an_outage_uses_up_no_delivery_however_long_it_is(office: Office, subscriber: Subscriber) -> None:
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    await office.undelivered.failed(await asked_for(office, webhook, put_off=1000), Unavailable("storage is down"))
    assert (await office.only(webhook)).state == "pending"
    assert await letters(office) == []


async def test_what_nobody_has_thought_of_is_tried_so_often_and_no_more(office: Office, subscriber: Subscriber) -> None:
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    await office.undelivered.failed(await asked_for(office, webhook, put_off=UNFORESEEN - 1), KeyError("of ours"))
    assert (await office.only(webhook)).state == "pending"
    await office.undelivered.failed(await asked_for(office, webhook, put_off=UNFORESEEN), KeyError("of ours"))
    assert (await office.only(webhook)).failure == "KeyError"
    assert [each.reason for each in await letters(office)] == ["max-delivery-count"]


async def test_a_message_that_names_no_delivery_is_a_dead_letter_as_it_is(office: Office) -> None:
    message_id = str(uuid.uuid4())
    await work(office, IncomingMessage(body=b"not ours", message_id=message_id, properties={"tenant": office.tenant}))
    found = office.backbone.letters.summaries("sayzhong", Selection(subscriber="webhooks"))
    [summary] = [each async for each in found if each.event_id == message_id]
    letter = await office.backbone.letters.open("sayzhong", summary.id)
    assert (letter.body, summary.message_id) == (b"not ours", f"{message_id}:webhooks")
    outcome = await redrive_of(office).redrive("sayzhong", [letter], by="op")
    assert [type(fault) for _, fault in outcome.refused] == [NotFound]
    await redrive_of(office).discard("sayzhong", letter, by="op", why="test")


async def test_a_delivery_whose_message_died_is_made_when_it_is_redriven_and_once(
    office: Office, subscriber: Subscriber, servicebus: str
) -> None:
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei")
    lost: list[IncomingMessage] = []

    async def lose(message: IncomingMessage) -> None:
        lost.append(message)

    async with pumping(servicebus, lose), asyncio.timeout(60):
        while webhook.id not in [message.properties["webhook"] for message in lost]:
            await asyncio.sleep(0.05)
    message = await asked_for(office, webhook)
    for _ in range(2):  # a crash may have it moved again
        await office.undelivered.bury(message, reason="expired", description="", code="expired")
    assert (await office.only(webhook)).failure == "expired"
    letter = await only_letter(office)
    assert letter.summary.message_id == f"{event.id}:{webhook.id}"
    async with pumping(servicebus, office.postman.attempt):
        await office.undelivered.redrive(letter)  # and died before it said so
        await office.settled(webhook, "delivered")
        outcome = await redrive_of(office).redrive(office.tenant, [letter], by="op")
        assert (outcome.accepted, await letters(office)) == ([letter], [])
    assert [heard for heard, _ in subscriber.heard] == [event.id]


async def test_an_erased_learner_s_delivery_is_dropped_and_no_dead_letter(
    office: Office, subscriber: Subscriber
) -> None:
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    await office.backbone.keys.erase(stream_of(office.tenant, "mei"))
    await office.undelivered.bury(await asked_for(office, webhook), reason="expired", description="", code="expired")
    assert (await office.only(webhook)).state == "dropped"
    assert await letters(office) == []


async def test_a_redrive_that_died_before_it_asked_for_the_attempt_asks_for_it_when_it_is_run_again(
    office: Office, subscriber: Subscriber, servicebus: str
) -> None:
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei")
    async with pumping(servicebus, _lose):
        await asyncio.sleep(1)
    await office.undelivered.bury(await asked_for(office, webhook), reason="expired", description="", code="expired")
    logged = await office.log.get(webhook.id, (await office.only(webhook)).id)
    assert logged is not None
    await office.log.change(logged, state="pending", attempts=0, next_at=utc_now())  # all that was done
    await redrive_of(office).redrive(office.tenant, [await only_letter(office)], by="op")
    assert await letters(office) == []
    async with pumping(servicebus, office.postman.attempt):
        await office.settled(webhook, "delivered")
    assert [heard for heard, _ in subscriber.heard] == [event.id]


async def test_a_delivery_that_dies_again_while_its_letter_is_redriven_is_a_letter_again(
    office: Office, subscriber: Subscriber, servicebus: str
) -> None:
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei")
    async with pumping(servicebus, _lose):
        await asyncio.sleep(1)
    await office.backbone.keys.erase(f"webhook-{webhook.id}")  # so that every attempt fails at once
    await work(office, await asked_for(office, webhook))
    letter = await only_letter(office)

    async def again(letter: Letter) -> None:
        await office.undelivered.redrive(letter)
        async with pumping(servicebus, partial(work, office)):
            await office.settled(webhook, "failed")

    await office.backbone.redrive_with({QUEUE: again}).redrive(office.tenant, [letter], by="op")
    left = await only_letter(office)
    assert (left.summary.event_id, left.summary.redriven) == (event.id, 1)
    assert left.summary.message_id == f"{event.id}:{webhook.id}:1"


async def test_an_event_whose_payload_is_gone_is_not_tried_for_ever(office: Office, subscriber: Subscriber) -> None:
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei", remark="长" * 40_000)
    await office.backbone.store.forget(stream_of(office.tenant, "mei"), "nothing")
    with pytest.raises(PayloadMissing):
        await office.backbone.store.find(stream_of(office.tenant, "mei"), event.id)
    await work(office, await asked_for(office, webhook, put_off=UNFORESEEN - 1))
    assert (await office.only(webhook)).state == "pending"
    await work(office, await asked_for(office, webhook, put_off=UNFORESEEN))
    assert (await office.only(webhook)).failure == "payload-missing"
    assert [each.event_id for each in await letters(office)] == [event.id]
