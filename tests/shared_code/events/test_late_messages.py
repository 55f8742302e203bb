"""What was on the bus before its learner was erased, and comes to light after: nothing of it is kept."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from shared_code.domain.clock import utc_now
from shared_code.events.dead_letters import QUEUE
from shared_code.events.message import IncomingMessage
from tests.shared_code.events.backbone import Backbone, stream_of
from tests.shared_code.events.receiving import receive_dead_letters
from tests.shared_code.events.test_consumer import Handler
from tests.shared_code.events.test_dead_letters import foreign, letters_of, misfit, tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")
__all__ = ["tenant"]  # the fixture
LONG_AGO, SOON = timedelta(minutes=-5), timedelta(minutes=5)


def message_of(event: dict[str, object], ago: timedelta) -> IncomingMessage:
    return IncomingMessage(
        body=json.dumps(event).encode(), session_id=str(event["subject"]), enqueued_at=utc_now() + ago
    )


async def kept(backbone: Backbone, tenant: str, learner: str) -> bool:
    """Whether anything was sealed for the learner."""
    return await backbone.keys.key_of(stream_of(tenant, learner)) is not None


async def test_a_dead_message_that_is_moved_after_the_erasure_goes_nowhere(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    await backbone.keys.erase(stream_of(tenant, learner))
    late = message_of(misfit(learner, tenant), LONG_AGO)
    await backbone.dead_letters.send(
        late, reason="expired", description="", topic="learning-progress", subscription="progress"
    )
    assert await letters_of(backbone, tenant) == []
    assert await receive_dead_letters(servicebus, learner, count=1, wait=1) == []
    assert not await kept(backbone, tenant, learner)


async def test_another_system_s_event_that_is_delivered_after_the_erasure_is_neither_stored_nor_handled(
    backbone: Backbone, learner: str, tenant: str
) -> None:
    await backbone.keys.erase(stream_of(tenant, learner))
    handler, event = Handler(), foreign(learner, tenant)
    late = message_of(event, LONG_AGO)
    await backbone.consumer.consume(late, topic="learning-progress", subscriber="progress", handle=handler)
    assert handler.handled == []
    assert await backbone.store.find(stream_of(tenant, learner), str(event["id"])) is None
    assert not await kept(backbone, tenant, learner)


async def test_who_comes_back_is_a_learner_like_any_other(backbone: Backbone, learner: str, tenant: str) -> None:
    await backbone.keys.erase(stream_of(tenant, learner))
    handler = Handler()
    fresh = message_of(foreign(learner, tenant), SOON)
    await backbone.consumer.consume(fresh, topic="learning-progress", subscriber="progress", handle=handler)
    assert len(handler.handled) == 1
    await backbone.dead_letters.send(
        message_of(misfit(learner, tenant), SOON),
        reason="schema", description="", topic="learning-progress", subscription="progress",
    )  # fmt: skip
    assert len(await letters_of(backbone, tenant)) == 1


async def test_an_erased_learner_s_letter_in_another_session_is_taken_out_of_the_queue(
    backbone: Backbone, servicebus: str, learner: str, tenant: str
) -> None:
    """The erasure drains the learner's own session; whoever put this one there chose another."""
    session = f"not-{learner}"
    async with ServiceBusClient.from_connection_string(servicebus) as client, client.get_queue_sender(QUEUE) as sender:
        body = json.dumps(misfit(learner, tenant)).encode()
        await sender.send_messages(ServiceBusMessage(body, message_id=session, session_id=session))
    await backbone.found_letters.look()
    assert len(await letters_of(backbone, tenant)) == 1
    await backbone.keys.erase(stream_of(tenant, learner))
    await backbone.letters.forget(tenant, stream_of(tenant, learner))
    await backbone.found_letters.start_over()
    await backbone.found_letters.look()
    assert await letters_of(backbone, tenant) == []
    assert await receive_dead_letters(servicebus, session, count=1, wait=1) == []
    assert not await kept(backbone, tenant, learner)
