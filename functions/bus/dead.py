"""What died in a subscription: moved to the one queue where operators look for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import azure.functions as func

from functions.bus.receiving import CONNECTION, received
from functions.bus.subscribers import HANDLERS
from shared_code.bootstrap import app
from shared_code.events import dead_letters
from shared_code.events.delivery import FIRST_TIME, Delivery, delivery_of
from shared_code.events.letter import Reason
from shared_code.events.redeliveries import QUEUE, is_wake_up, line_of
from shared_code.events.redelivery import rest
from shared_code.services.webhooks import attempt

bp = func.Blueprint()
REST = rest(4)  # seconds; the count of deliveries says how often it was delivered before it died


def _reason(died_of: str) -> Reason:
    return "expired" if died_of == "TTLExpiredException" else "max-delivery-count"


@asynccontextmanager
async def _rest() -> AsyncIterator[None]:
    """A dead message is delivered again without end or rest: a rest before that."""
    try:
        yield
    except Exception:  # the outermost boundary of a trigger: whatever it was, the message stays
        await asyncio.sleep(REST)
        raise


async def _move(
    message: func.ServiceBusMessage, topic: str, subscription: str, delivery: Delivery = FIRST_TIME
) -> None:
    async with _rest():
        await app().delivery.dead_letters.send(
            received(message),
            reason=_reason(message.dead_letter_reason or ""),
            description=message.dead_letter_error_description or "",
            topic=topic,
            subscription=subscription,
            delivery=delivery,
        )


def _mover(topic: str, subscription: str) -> None:
    @bp.function_name(f"bus_dead_{topic.replace('-', '_')}_{subscription}")
    @bp.service_bus_topic_trigger(
        arg_name="message",
        topic_name=topic,
        subscription_name=f"{subscription}/$deadletterqueue",
        connection=CONNECTION,
    )
    async def bus_dead(message: func.ServiceBusMessage) -> None:
        """Move one dead message, its body unchanged; it is completed only once the queue has it."""
        await _move(message, topic, subscription)


for _topic, _subscription in HANDLERS:
    _mover(_topic, _subscription)


@bp.service_bus_queue_trigger(arg_name="message", queue_name=f"{QUEUE}/$deadletterqueue", connection=CONNECTION)
async def bus_dead_redeliveries(message: func.ServiceBusMessage) -> None:
    """Move an event that died on its way to one subscription; of a wake-up the timer makes another.

    What is for no subscription at all lies in the dead letters as it is.
    """
    incoming = received(message)
    if is_wake_up(incoming):
        return
    try:
        line = line_of(incoming)
    except ValueError:
        await _move(message, QUEUE, "")
    else:
        await _move(message, line.topic, line.subscriber, delivery_of(incoming))


@bp.service_bus_queue_trigger(arg_name="message", queue_name=f"{attempt.QUEUE}/$deadletterqueue", connection=CONNECTION)
async def bus_dead_webhooks(message: func.ServiceBusMessage) -> None:
    """Give up a delivery whose message died: nobody would make the attempt any more."""
    reason = _reason(message.dead_letter_reason or "")
    async with _rest():
        await app().webhooks.undelivered.bury(
            received(message), reason=reason, description=message.dead_letter_error_description or "", code=reason
        )


@bp.service_bus_queue_trigger(
    arg_name="message", queue_name=f"{dead_letters.QUEUE}/$deadletterqueue", connection=CONNECTION
)
async def bus_dead_dead_letters(message: func.ServiceBusMessage) -> None:
    """Put a dead letter back that died of being received too often: operators look for it in the queue."""
    async with _rest():
        await app().delivery.found_letters.put_back(received(message))
