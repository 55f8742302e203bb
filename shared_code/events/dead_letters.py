"""Messages that cannot get better: one queue for all, with the reason, so that nothing behind them stalls."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from shared_code.domain.clock import Clock, rfc3339
from shared_code.events.bus import Bus
from shared_code.events.delivery import FIRST_TIME, Delivery
from shared_code.events.message import CONTENT_TYPE, IncomingMessage, OutgoingMessage, Property

QUEUE = "dead-letters"
LONGEST_ID = 70  # with colons, a subscription's 50 characters and a number within Service Bus's 128
LONGEST_DESCRIPTION = 1024

Reason = Literal["schema", "rejected", "max-delivery-count", "expired"]


class DeadLetters:
    """Sends to the queue. The caller completes the message only after this has returned."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    async def send(
        self,
        message: IncomingMessage,
        *,
        reason: Reason,
        description: str,
        topic: str,
        subscription: str,
        delivery: Delivery = FIRST_TIME,
    ) -> None:
        """Put the message there, its body unchanged. Sent again it is dropped as a duplicate. Raises Unavailable.

        One that was redriven and died again has a number behind its id: the queue may remember the id of before.
        """
        event_id, subject, correlation_id = _identify(message)
        properties: dict[str, Property] = {
            "DeadLetterReason": reason,
            "DeadLetterErrorDescription": description[:LONGEST_DESCRIPTION],
            "topic": topic,
            "subscription": subscription,
            "delivery_count": message.delivery_count,
            "failed_at": rfc3339(self._clock()),
            "correlationid": correlation_id,
        }
        letter = OutgoingMessage(
            body=message.body,
            message_id=f"{event_id}:{subscription}" + (f":{delivery.redriven}" if delivery.redriven else ""),
            session_id=subject,
            content_type=message.content_type or CONTENT_TYPE,
            properties=properties,
        )
        await self._bus.send(QUEUE, [letter])


def _identify(message: IncomingMessage) -> tuple[str, str, str]:
    """Event id, subject and correlation id, as far as the body tells; else what the message's own fields say."""
    try:
        members: Any = msgspec.json.decode(message.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        members = None
    if not isinstance(members, dict):
        members = {}
    event_id = _text(members.get("id")) or message.message_id or hashlib.sha256(message.body).hexdigest()
    if len(event_id) > LONGEST_ID:
        event_id = hashlib.sha256(event_id.encode()).hexdigest()
    subject = _text(members.get("subject")) or message.session_id or "unknown"
    correlation_id = _text(members.get("correlationid")) or _text(message.properties.get("correlationid"))
    return event_id, subject[:128], correlation_id[:128]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
