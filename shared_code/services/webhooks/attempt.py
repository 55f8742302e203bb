"""One attempt at a delivery, as a message of the queue `webhooks` asks for it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from shared_code.domain.errors import Invalid
from shared_code.events.message import IncomingMessage, OutgoingMessage

QUEUE = "webhooks"
TENANT, WEBHOOK, DELIVERY, ATTEMPT = "tenant", "webhook", "delivery", "attempt"
PUT_OFF, REDRIVEN = "put_off", "redriven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`number` is 1 for the first one; `put_off` counts how often it could not be made because something failed.

    `redriven` counts how often the delivery came out of the dead letters.
    """

    tenant: str
    webhook_id: str
    delivery_id: str
    number: int
    put_off: int = 0
    redriven: int = 0

    @classmethod
    def of(cls, message: IncomingMessage) -> Self:
        """What a message asks for. Raises Invalid for one that is not ours."""
        found = message.properties
        try:
            tenant, webhook_id, delivery_id = (str(found[name]) for name in (TENANT, WEBHOOK, DELIVERY))
            number = int(str(found[ATTEMPT]))
            put_off, redriven = (int(str(found.get(name, 0))) for name in (PUT_OFF, REDRIVEN))
        except (KeyError, ValueError):
            raise Invalid("The message names no delivery of a webhook.") from None
        return cls(
            tenant=tenant,
            webhook_id=webhook_id,
            delivery_id=delivery_id,
            number=number,
            put_off=put_off,
            redriven=redriven,
        )

    def following(self) -> Self:
        """The attempt that comes after this one."""
        return replace(self, number=self.number + 1, put_off=0)

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
                REDRIVEN: str(self.redriven),
            },
            due=due,
        )
