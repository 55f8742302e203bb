"""Whose voice and experiment data reaches whom."""

from __future__ import annotations

import uuid

import msgspec
import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, Invalid
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.consent import ConsentChanged
from shared_code.domain.events.experiment import ExperimentExposed
from shared_code.domain.principal import Principal
from shared_code.events.consents import ConsentRecord, Consents
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Received
from tests.shared_code.events.backbone import Backbone, practised

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def person(learner: str, stream: str) -> Principal:
    return Principal(id=learner, tenant="sayzhong", pseudonym=stream)


@pytest.fixture
def consents(backbone: Backbone) -> ConsentRecord:
    return ConsentRecord(backbone.store, backbone.journal, utc_now)


async def change(
    consents: ConsentRecord, person: Principal, expected: int | None = None, **answers: dict[str, bool]
) -> Consents:
    wanted = ConsentChanged(version=1, **answers)
    return await consents.change(person, wanted, str(uuid.uuid4()), expected_version=expected)


class Heard:
    """A handler that remembers what it was given."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def __call__(self, received: Received) -> None:
        self.ids.append(received.event.id)


async def test_a_withdrawal_counts_for_what_was_published_before_it(
    backbone: Backbone, consents: ConsentRecord, person: Principal
) -> None:
    before, queued, after = practised(person.id), practised(person.id), practised(person.id)
    await backbone.store.append(person.pseudonym, [before, queued, after])
    heard = Heard()

    async def deliver(event: object, subscriber: str) -> None:
        message = IncomingMessage(body=msgspec.json.encode(event), session_id=person.id)
        await backbone.consumer.consume(message, topic="learning-progress", subscriber=subscriber, handle=heard)

    await deliver(before, "progress")
    await change(consents, person, voice={"progress": False})
    await deliver(queued, "progress")
    assert heard.ids == [before.id]
    await change(consents, person, voice={"progress": True})
    await deliver(after, "progress")
    assert heard.ids == [before.id, after.id]
    await deliver(after, "webhooks")
    assert heard.ids == [before.id, after.id]


async def test_nobody_hears_of_an_experiment_before_its_learner_agrees(
    backbone: Backbone, consents: ConsentRecord, person: Principal
) -> None:
    """Not even the event store, of what another system publishes straight to the bus."""
    event = event_of(
        ExperimentExposed(experiment_id="e-1", variant="b"),
        subject=person.id,
        tenant=person.tenant,
        correlation_id=str(uuid.uuid4()),
        now=utc_now(),
    )
    message, heard = IncomingMessage(body=event.encode(), session_id=person.id), Heard()
    await backbone.consumer.consume(message, topic="experiment", subscriber="audit", handle=heard)
    assert heard.ids == []
    assert await backbone.store.find(person.pseudonym, event.id) is None
    await change(consents, person, experiment={"audit": True})
    await backbone.consumer.consume(message, topic="experiment", subscriber="audit", handle=heard)
    assert heard.ids == [event.id]


async def test_each_change_is_a_fact_and_none_is_lost(
    backbone: Backbone, consents: ConsentRecord, person: Principal
) -> None:
    assert (await consents.of(person.pseudonym)).whole() == Consents(
        version=0,
        voice={"interaction": True, "progress": True, "webhooks": False},
        experiment={"audit": False, "webhooks": False},
    )
    await change(consents, person, 0, voice={"webhooks": True})
    with pytest.raises(Conflict) as refused:
        await change(consents, person, 0, voice={"webhooks": False})
    assert refused.value.extra == {"current_version": 1}
    await backbone.store.append(person.pseudonym, [practised(person.id)])
    now = await change(consents, person, 1, experiment={"audit": True})
    assert now == Consents(version=2, voice={"webhooks": True}, experiment={"audit": True})
    assert await change(consents, person, 2, experiment={"audit": True}) == now
    facts = [stored.event async for stored in backbone.store.read(person.pseudonym) if "consent" in stored.event.type]
    assert [(fact.data["version"], fact.data["voice"], fact.data["experiment"]) for fact in facts] == [
        (1, {"webhooks": True}, {}),
        (2, {}, {"audit": True}),
    ]


async def test_a_subscriber_that_is_sent_no_such_data_is_refused(consents: ConsentRecord, person: Principal) -> None:
    with pytest.raises(Invalid) as refused:
        await change(consents, person, voice={"audit": True})
    assert [fault.pointer for fault in refused.value.errors] == ["/voice/audit"]
