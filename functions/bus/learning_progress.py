"""What learners practised: each progress event starts its saga, once."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from functions.bus.receiving import CONNECTION, consume
from functions.bus.sagas import start_once
from shared_code.events.received import Handler, Received
from shared_code.events.reference import reference_to

TOPIC, SUBSCRIBER = "learning-progress", "progress"

bp = df.Blueprint()


@bp.service_bus_topic_trigger(
    arg_name="message",
    topic_name=TOPIC,
    subscription_name=SUBSCRIBER,
    connection=CONNECTION,
    is_sessions_enabled=True,
)
@bp.durable_client_input(client_name="client")
async def bus_learning_progress(message: func.ServiceBusMessage, client: Any) -> None:
    """Start the saga that carries a progress event to an adapted lesson."""
    await consume(message, topic=TOPIC, subscriber=SUBSCRIBER, handle=handler(client))


def handler(client: Any) -> Handler:
    """Start an event's saga; one that is replayed quietly announces nothing."""

    async def start(received: Received) -> None:
        event = reference_to(received.event, received.stream)
        payload = {"event": event, "quiet": True} if received.delivery.quiet else event
        await start_once(client, "learning_progress_saga", f"learning-progress-{received.event.id}", payload)

    return start
