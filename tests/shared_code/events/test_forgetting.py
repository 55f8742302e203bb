"""A learner's messages are taken off the bus, and nobody else's."""

from __future__ import annotations

import asyncio

import pytest
from azure.servicebus.aio import ServiceBusClient

from shared_code.domain.errors import Unavailable
from shared_code.events.bus import Bus, BusNamespace
from shared_code.events.forgetting import Forgetting
from shared_code.events.line import Line
from shared_code.events.message import OutgoingMessage
from shared_code.events.parking import Parking
from tests.shared_code.events.backbone import Backbone, practised
from tests.shared_code.events.receiving import receive, receive_dead_letters

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_waits_and_what_died_is_taken_out(
    backbone: Backbone, servicebus: str, learner: str, stream: str
) -> None:
    """Wherever the learner has a session: at a subscription, among the dead letters, in a line of redeliveries."""
    other = f"{learner}-other"
    for name in (learner, other):
        waiting = [
            OutgoingMessage(body=practised(name).encode(), message_id=f"{name}-{n}", session_id=name) for n in range(3)
        ]
        await asyncio.gather(*(backbone.bus.send(entity, waiting) for entity in ("learning-progress", "dead-letters")))
    line = Line("learning-progress", "progress", stream).key
    await backbone.bus.send("redeliveries", [OutgoingMessage(body=b"", message_id=f"{learner}-wake", session_id=line)])

    forgetting = Forgetting(backbone.bus, Parking(backbone.tables, backbone.keys))
    taken = await forgetting.messages(learner, stream)
    assert taken == 3 + 3 + 3 + 1  # two subscriptions have a copy each
    assert await forgetting.messages(learner, stream) == 0
    assert len(await receive_dead_letters(servicebus, other, count=3)) == 3
    assert len(await receive(servicebus, "learning-progress", "progress", other, count=3)) == 3
    assert len(await receive(servicebus, "learning-progress", "webhooks", other, count=3)) == 3


async def test_a_session_that_somebody_holds_is_left_to_them(backbone: Backbone, servicebus: str, learner: str) -> None:
    """A consumer of ours drops an erased learner's events by itself."""
    await backbone.bus.send("dead-letters", [OutgoingMessage(body=b"{}", message_id=learner, session_id=learner)])
    async with (
        ServiceBusClient.from_connection_string(servicebus) as client,
        client.get_queue_receiver("dead-letters", session_id=learner) as receiver,
    ):
        assert await receiver.receive_messages(1, max_wait_time=10)
        assert await backbone.bus.drain("dead-letters", learner) == 0
    assert await backbone.bus.drain("dead-letters", learner) == 1


async def test_a_bus_that_is_away_is_said_to_be(learner: str) -> None:
    bus = Bus(
        BusNamespace(
            connection_string="Endpoint=sb://localhost:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"
        )
    )
    with pytest.raises(Unavailable):
        await bus.drain("dead-letters", learner)
    await bus.close()
