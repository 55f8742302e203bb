"""Messages that cannot get better: one queue for all, with the reason, so that nothing behind them stalls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from msgspec.structs import replace

from shared_code.domain.clock import Clock, rfc3339
from shared_code.domain.errors import TooLarge
from shared_code.domain.identifiers import uuid7
from shared_code.events.bus import Bus
from shared_code.events.delivery import FIRST_TIME, Delivery
from shared_code.events.hints import TENANT, members, subject_of, tenant_of, text
from shared_code.events.letter import Letter, Reason, Summary
from shared_code.events.letters import Letters
from shared_code.events.message import CONTENT_TYPE, IncomingMessage, OutgoingMessage, Property
from shared_code.storage.sealing.learner_keys import LearnerKeys

QUEUE = "dead-letters"
LONGEST_ID = 70  # with colons, a subscription's 50 characters and a number within Service Bus's 128
LONGEST_DESCRIPTION = 1024


class DeadLetters:
    """Writes letters down and sends them to the queue. The caller completes the message only after this has returned.

    `pseudonym(tenant, subject)` is whom a letter is about.
    """

    def __init__(
        self, bus: Bus, letters: Letters, keys: LearnerKeys, pseudonym: Callable[[str, str], str], clock: Clock
    ) -> None:
        self._bus = bus
        self._letters = letters
        self._keys = keys
        self._pseudonym = pseudonym
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
        learner: str = "",
    ) -> None:
        """Put the message there, its body unchanged. Sent again it is dropped as a duplicate. Raises Unavailable.

        One that was redriven and died again has a number behind its id: the queue may remember the id of before. Of one
        that is too large for the queue together with its reason, the queue has all but the body. One that has been on
        the bus since before its learner was erased goes nowhere: nothing of it may be kept. `learner` is the pseudonym
        of whoever it is about, where the message does not say it.
        """
        letter = self._letter(message, reason, description[:LONGEST_DESCRIPTION], topic, subscription, delivery)
        if learner:
            letter = replace(letter, summary=replace(letter.summary, learner=learner))
        if await self._keys.erased_since(letter.summary.learner, message.enqueued_at):
            return
        await self._letters.add(letter)
        await self.post(letter)

    async def post(self, letter: Letter) -> None:
        """Send a letter that is written down to the queue. Raises Unavailable."""
        outgoing = to_message(letter)
        try:
            await self._bus.send(QUEUE, [outgoing])
        except TooLarge:
            properties = {**outgoing.properties, "body_omitted": True}
            await self._bus.send(
                QUEUE,
                [OutgoingMessage(b"", outgoing.message_id, outgoing.session_id, outgoing.content_type, properties)],
            )

    def _letter(
        self,
        message: IncomingMessage,
        reason: Reason,
        description: str,
        topic: str,
        subscription: str,
        delivery: Delivery,
    ) -> Letter:
        found = members(message.body)
        event_id = text(found, "id") or message.message_id or hashlib.sha256(message.body).hexdigest()
        if len(event_id) > LONGEST_ID:
            event_id = hashlib.sha256(event_id.encode()).hexdigest()
        subject, tenant = subject_of(message, found), tenant_of(message, found)
        now = self._clock()
        summary = Summary(
            id=uuid7(now),
            tenant=tenant,
            learner=self._pseudonym(tenant, subject),
            message_id=f"{event_id}:{subscription}" + (f":{delivery.redriven}" if delivery.redriven else ""),
            event_id=event_id,
            type=text(found, "type") or text(message.properties, "type"),
            reason=reason,
            topic=topic,
            subscriber=subscription,
            delivery_count=message.delivery_count,
            failed_at=now,
            correlation_id=text(found, "correlationid") or text(message.properties, "correlationid"),
            redriven=delivery.redriven,
            edited=0,
            size=len(message.body),
        )
        return Letter(
            summary=summary,
            session_id=subject,
            description=description,
            content_type=message.content_type or CONTENT_TYPE,
            body=message.body,
            delivery=delivery,
        )


def to_message(letter: Letter) -> OutgoingMessage:
    """The letter as it lies in the queue."""
    summary = letter.summary
    properties: dict[str, Property] = {
        "DeadLetterReason": summary.reason,
        "DeadLetterErrorDescription": letter.description,
        "topic": summary.topic,
        "subscription": summary.subscriber,
        "delivery_count": summary.delivery_count,
        "failed_at": rfc3339(summary.failed_at),
        "correlationid": summary.correlation_id,
        TENANT: summary.tenant,  # whoever finds it in the queue must not take it for another's
    }
    return OutgoingMessage(
        body=letter.body,
        message_id=summary.message_id,
        session_id=letter.session_id,
        content_type=letter.content_type,
        properties=properties,
    )
