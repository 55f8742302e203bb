"""What died in a subscription: moved to the one queue where operators look for it."""

from __future__ import annotations

from typing import Literal

import azure.functions as func

from functions.bus.receiving import CONNECTION, received
from functions.bus.subscribers import HANDLERS
from shared_code.bootstrap import app

bp = func.Blueprint()


def _reason(died_of: str) -> Literal["max-delivery-count", "expired"]:
    return "expired" if died_of == "TTLExpiredException" else "max-delivery-count"


def _move(topic: str, subscription: str) -> None:
    @bp.function_name(f"bus_dead_{topic.replace('-', '_')}_{subscription}")
    @bp.service_bus_topic_trigger(
        arg_name="message",
        topic_name=topic,
        subscription_name=f"{subscription}/$deadletterqueue",
        connection=CONNECTION,
    )
    async def bus_dead(message: func.ServiceBusMessage) -> None:
        """Move one dead message, its body unchanged; it is completed only once the queue has it."""
        await app().dead_letters.send(
            received(message),
            reason=_reason(message.dead_letter_reason or ""),
            description=message.dead_letter_error_description or "",
            topic=topic,
            subscription=subscription,
        )


for _topic, _subscription in HANDLERS:
    _move(_topic, _subscription)
