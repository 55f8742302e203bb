"""From the host's Service Bus messages to ours."""

from __future__ import annotations

from datetime import UTC, datetime

import azure.functions as func

from shared_code.bootstrap import app
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Handler

CONNECTION = "ServiceBusConnection"


def received(message: func.ServiceBusMessage) -> IncomingMessage:
    """The message, free of the host's types."""
    return IncomingMessage(
        body=message.get_body(),
        message_id=message.message_id or "",
        session_id=message.session_id or "",
        delivery_count=message.delivery_count or 1,
        content_type=message.content_type or "",
        properties=dict(message.application_properties or {}),
        enqueued_at=_utc(message.enqueued_time_utc),
        sequence=message.sequence_number or 0,
    )


def _utc(moment: datetime | None) -> datetime | None:
    """A moment of the host's, which says in its name that it is in UTC, and may not in its zone."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


async def consume(message: func.ServiceBusMessage, *, topic: str, subscriber: str, handle: Handler | None) -> None:
    """Handle a message once; whatever raises here makes the bus deliver it again."""
    await app().delivery.consumer.consume(received(message), topic=topic, subscriber=subscriber, handle=handle)


def subscribe(bp: func.Blueprint, *, topic: str, subscriber: str, handle: Handler | None) -> None:
    """Give a blueprint the trigger of one of a subscriber's topics, `bus_{subscriber}_{topic}`."""

    @bp.function_name(f"bus_{subscriber}_{topic.replace('-', '_')}")
    @bp.service_bus_topic_trigger(
        arg_name="message",
        topic_name=topic,
        subscription_name=subscriber,
        connection=CONNECTION,
        is_sessions_enabled=True,
    )
    async def bus_subscription(message: func.ServiceBusMessage) -> None:
        await consume(message, topic=topic, subscriber=subscriber, handle=handle)
