"""Events for other systems' webhooks: every event to whoever wants it, and the attempts to deliver it."""

from __future__ import annotations

import azure.functions as func

from functions.bus.receiving import CONNECTION, received, subscribe
from shared_code.bootstrap import app
from shared_code.domain.events.catalogue import TOPICS
from shared_code.events.received import Received
from shared_code.services.webhooks.attempt import QUEUE
from shared_code.services.webhooks.postman import SUBSCRIBER

bp = func.Blueprint()


async def dispatch(received: Received) -> None:
    """Have an event delivered to everybody who wants it."""
    await app().webhooks.postman.dispatch(received)


for _topic in TOPICS:
    subscribe(bp, topic=_topic, subscriber=SUBSCRIBER, handle=dispatch)


@bp.service_bus_queue_trigger(arg_name="message", queue_name=QUEUE, connection=CONNECTION)
async def bus_webhook_attempt(message: func.ServiceBusMessage) -> None:
    """Make one attempt to deliver one event."""
    incoming = received(message)
    try:
        await app().webhooks.postman.attempt(incoming)
    except Exception as failure:  # noqa: BLE001  the outermost boundary of a trigger: whatever it was, nothing is lost
        await app().webhooks.undelivered.failed(incoming, failure)
