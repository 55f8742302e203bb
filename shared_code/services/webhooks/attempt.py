"""One attempt at a delivery, as a message of the queue `webhooks` asks for it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from shared_code.domain.errors import Invalid
from shared_code.events.message import IncomingMessage, OutgoingMessage

QUEUE = "webhooks"
TENANT, WEBHOOK, DELIVERY, ATTEMPT, PUT_OFF = "tenant", "webhook", "delivery", "attempt", "put_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`number` is 1 for the first one; `put_off` counts how often it could not be made because something failed."""

    tenant: str
    webhook_id: str
    delivery_id: str
    number: int
    put_off: int = 0

    @classmethod
    def of(cls, message: IncomingMessage) -> Self:
        """What a message asks for. Raises Invalid for one that is not ours."""
        found = message.properties
        try:
            tenant, webhook_id, delivery_id = (str(found[name]) for name in (TENANT, WEBHOOK, DELIVERY))
            number, put_off = int(str(found[ATTEMPT])), int(str(found.get(PUT_OFF, 0)))
        except (KeyError, ValueError):
            raise Invalid("The message names no delivery of a webhook.") from None
        return cls(tenant=tenant, webhook_id=webhook_id, delivery_id=delivery_id, number=number, put_off=put_off)

    def message(self, due: datetime | None = None) -> OutgoingMessage:
        """The message that asks for it, when it is due."""
        return OutgoingMessage(
            body=b"",
            message_id=str(uuid.uuid4()),
            session_id=self.webhook_id,
            properties={
                TENANT: self.tenant,
                WEBHOOK: self.webhook_id,
                DELIVERY: self.delivery_id,
                ATTEMPT: str(self.number),
                PUT_OFF: str(self.put_off),
            },
            due=due,
        )
