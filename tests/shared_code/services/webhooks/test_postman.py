"""An event reaches everybody of its tenant who wants it: signed, tried again, on record."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import msgspec
import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.side_effects import latch
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Received
from shared_code.services.webhooks.subscriptions import MOST, Wish
from tests.shared_code.events.backbone import Backbone, stream_of
from tests.shared_code.services.webhooks.office import Office, pumping
from tests.shared_code.services.webhooks.subscriber import Subscriber

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_event_is_delivered_signed_and_on_record(office: Office, subscriber: Subscriber, rounds: None) -> None:
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei")
    await subscriber.wait(1)
    assert subscriber.heard == [(event.id, msgspec.to_builtins(event))]
    delivery = await office.settled(webhook, "delivered")
    assert (delivery.attempts, delivery.status, delivery.event_id) == (1, 204, event.id)


async def test_what_fails_is_tried_again_until_it_is_taken(
    office: Office, subscriber: Subscriber, rounds: None
) -> None:
    subscriber.answers = [500, 302]
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei")
    delivery = await office.settled(webhook, "delivered")
    assert delivery.attempts == 3
    assert [heard for heard, _ in subscriber.heard] == [event.id] * 3  # one id by which a subscriber knows it


async def test_what_is_never_taken_fails_and_can_be_repeated(
    office: Office, subscriber: Subscriber, rounds: None
) -> None:
    subscriber.answers = [503] * 3
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    delivery = await office.settled(webhook, "failed")
    assert (delivery.attempts, delivery.status, delivery.failure) == (3, 503, "status-503")
    await office.postman.again(office.tenant, webhook.id, delivery.id)
    assert (await office.settled(webhook, "delivered")).attempts == 1


async def test_a_subscriber_who_is_gone_is_not_asked_again(
    office: Office, subscriber: Subscriber, rounds: None
) -> None:
    subscriber.answers = [410]
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    assert (await office.settled(webhook, "failed")).attempts == 1


async def test_nobody_listening_is_a_failure_like_another(office: Office, subscriber: Subscriber, rounds: None) -> None:
    subscriber.url = "http://127.0.0.1:9/hook"
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    delivery = await office.settled(webhook, "failed")
    assert (delivery.attempts, delivery.status, delivery.failure) == (3, None, "not-reachable")


async def test_only_wanted_types_of_ones_own_tenant_are_delivered(
    backbone: Backbone, office: Office, subscriber: Subscriber, rounds: None
) -> None:
    other = await office.subscribe(subscriber, "sayzhong.session.started.v1")
    asleep = await office.subscribe(subscriber, active=False)
    stranger = Office(backbone, f"{office.tenant}-2")
    theirs = await stranger.subscribe(subscriber)
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    await office.settled(webhook, "delivered")
    for silent in (other, asleep, theirs):
        assert await office.log.page(silent.id, after="", limit=9) == []
    await stranger.postman.close()


async def test_an_event_that_comes_twice_is_delivered_once(
    office: Office, subscriber: Subscriber, rounds: None
) -> None:
    webhook = await office.subscribe(subscriber)
    event = await office.publish("mei")
    await office.settled(webhook, "delivered")
    stream = stream_of(office.tenant, "mei")
    await office.postman.dispatch(Received(event=event, data=None, stream=stream, version=1))
    second = await office.publish("mei")
    await subscriber.wait(2)
    assert [heard for heard, _ in subscriber.heard] == [event.id, second.id]


async def test_an_attempt_that_a_crash_cut_off_is_followed_by_the_next(
    office: Office, subscriber: Subscriber, servicebus: str
) -> None:
    """The crash comes after the failure was noted and before the next attempt was asked for."""
    webhook = await office.subscribe(subscriber)
    cut_off: list[IncomingMessage] = []

    async def crashing(message: IncomingMessage) -> None:
        cut_off.append(message)

    async with pumping(servicebus, crashing):
        await office.publish("mei")
        async with asyncio.timeout(60):
            while not cut_off:
                await asyncio.sleep(0.05)
    logged = await office.log.get(webhook.id, (await office.only(webhook)).id)
    assert logged is not None
    await office.log.change(logged, attempts=1, status=500, failure="status-500", next_at=utc_now())
    async with pumping(servicebus, office.postman.attempt):
        await office.postman.attempt(cut_off[0])  # the bus delivers it again
        assert (await office.settled(webhook, "delivered")).attempts == 2


async def test_a_replay_with_its_effects_latched_delivers_nothing(office: Office, subscriber: Subscriber) -> None:
    webhook = await office.subscribe(subscriber)
    with latch():
        await office.publish("mei")
    assert await office.log.page(webhook.id, after="", limit=9) == []


async def test_erased_data_and_ended_webhooks_are_not_delivered(
    office: Office, subscriber: Subscriber, servicebus: str
) -> None:
    ended, kept = await office.subscribe(subscriber), await office.subscribe(subscriber)
    await office.publish("mei")
    await office.subscriptions.delete(office.tenant, ended.id)
    await office.subscriptions.change(office.tenant, kept.id, Wish(url=kept.url, types=kept.types, active=False))
    async with pumping(servicebus, office.postman.attempt):
        assert (await office.settled(ended, "dropped")).failure == "webhook-deleted"
        assert (await office.settled(kept, "dropped")).failure == "webhook-inactive"
    assert subscriber.heard == []


async def test_a_renewed_secret_signs_beside_the_old_one(office: Office, subscriber: Subscriber, rounds: None) -> None:
    webhook = await office.subscribe(subscriber)
    old = subscriber.secret
    subscriber.secret = await office.subscriptions.renew_secret(office.tenant, webhook.id)
    assert subscriber.secret != old
    await office.publish("mei")
    await office.settled(webhook, "delivered")
    subscriber.secret = old
    await office.publish("mei")
    await subscriber.wait(2)


async def test_a_pending_delivery_cannot_be_repeated_and_a_strange_one_not_found(
    office: Office, subscriber: Subscriber
) -> None:
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    with pytest.raises(Conflict):
        await office.postman.again(office.tenant, webhook.id, (await office.only(webhook)).id)
    with pytest.raises(NotFound):
        await office.postman.again(office.tenant, webhook.id, "another")
    with pytest.raises(NotFound):
        await office.postman.again("another", webhook.id, (await office.only(webhook)).id)


async def test_a_tenant_has_so_many_webhooks(office: Office, subscriber: Subscriber) -> None:
    for _ in range(MOST):
        await office.subscribe(subscriber)
    with pytest.raises(Conflict):
        await office.subscribe(subscriber)


async def test_an_ended_webhook_s_deliveries_are_forgotten(office: Office, subscriber: Subscriber) -> None:
    webhook = await office.subscribe(subscriber)
    await office.publish("mei")
    await office.log.forget(webhook.id)
    assert await office.log.page(webhook.id, after="", limit=9) == []


async def test_a_host_that_the_configuration_names_is_called_though_its_name_resolves_to_a_private_address(
    backbone: Backbone, subscriber: Subscriber, servicebus: str
) -> None:
    office = Office(backbone, f"school-{uuid.uuid4().hex[:8]}", hosts=("localhost",))
    subscriber.url = subscriber.url.replace("127.0.0.1", "localhost")
    webhook = await office.subscribe(subscriber)
    async with pumping(servicebus, office.postman.attempt):
        await office.publish("mei")
        assert (await office.settled(webhook, "delivered")).attempts == 1
    await office.postman.close()


async def test_of_two_who_renew_a_secret_at_once_nobody_is_handed_one_that_does_not_sign(
    office: Office, subscriber: Subscriber
) -> None:
    webhook = await office.subscribe(subscriber)
    answers = await asyncio.gather(
        *(office.subscriptions.renew_secret(office.tenant, webhook.id) for _ in range(4)), return_exceptions=True
    )
    handed_out = {answer for answer in answers if isinstance(answer, str)}
    assert handed_out <= set(await office.subscriptions.signing_keys(webhook))
    assert all(isinstance(answer, str | Conflict) for answer in answers)


async def test_a_repetition_that_a_crash_cut_off_can_be_asked_for_again(
    office: Office, subscriber: Subscriber, servicebus: str
) -> None:
    """The crash comes after the delivery was noted as pending and before its attempt was asked for."""
    webhook = await office.subscribe(subscriber)
    async with pumping(servicebus, office.postman.attempt):
        await office.publish("mei")
        delivery = await office.settled(webhook, "delivered")
        logged = await office.log.get(webhook.id, delivery.id)
        assert logged is not None
        await office.log.change(logged, state="pending", attempts=0, next_at=utc_now() - timedelta(minutes=16))
        await office.postman.again(office.tenant, webhook.id, delivery.id)
        await office.settled(webhook, "delivered")
    assert len(subscriber.heard) == 2
