"""Everything else that is published: kept in the event store, whoever published it."""

from __future__ import annotations

import azure.functions as func

from functions.bus.receiving import CONNECTION, consume
from shared_code.events.received import Received

SUBSCRIBER = "audit"
TOPICS = ("content", "experiment", "interaction", "effectiveness", "planning", "notification")

bp = func.Blueprint()


async def nothing_more(_received: Received) -> None:
    """The consumer has stored the event and recorded that it was handled: that is all there is to do."""


def _audit(topic: str) -> None:
    @bp.function_name(f"bus_audit_{topic}")
    @bp.service_bus_topic_trigger(
        arg_name="message",
        topic_name=topic,
        subscription_name=SUBSCRIBER,
        connection=CONNECTION,
        is_sessions_enabled=True,
    )
    async def bus_audit(message: func.ServiceBusMessage) -> None:
        """Keep an event of this topic in the event store."""
        await consume(message, topic=topic, subscriber=SUBSCRIBER, handle=nothing_more)


for _topic in TOPICS:
    _audit(_topic)
