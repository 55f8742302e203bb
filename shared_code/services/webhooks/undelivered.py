"""Deliveries that we cannot even attempt: put off while that may pass, else given up where everybody can see it.

What the subscriber's server does is not meant here: that is the postman's.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import msgspec

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError, Invalid, NotFound
from shared_code.events.archive import PayloadMissing
from shared_code.events.bus import Bus
from shared_code.events.dead_letters import DeadLetters
from shared_code.events.delivery import Delivery
from shared_code.events.letter import Letter, Reason
from shared_code.events.message import IncomingMessage, body_of
from shared_code.events.processing_log import failure_code
from shared_code.events.redelivery import may_pass
from shared_code.events.store import EventStore
from shared_code.services.webhooks.attempt import QUEUE, Attempt
from shared_code.services.webhooks.log import DeliveryLog, Logged, delivery_id_of
from shared_code.services.webhooks.postman import SUBSCRIBER, Postman

log = logging.getLogger(__name__)

OUTAGE = timedelta(seconds=60)  # until an attempt that could not be made is due again
UNFORESEEN = 10  # times that an attempt is put off over a failure that nobody has thought of


class Undelivered:
    """All methods may run again. They raise Unavailable."""

    def __init__(
        self,
        *,
        postman: Postman,
        deliveries: DeliveryLog,
        store: EventStore,
        dead_letters: DeadLetters,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._postman = postman
        self._deliveries = deliveries
        self._store = store
        self._dead_letters = dead_letters
        self._bus = bus
        self._clock = clock

    async def failed(self, message: IncomingMessage, failure: Exception) -> None:
        """An attempt failed at something of ours; when this returns, its message is to be completed.

        An outage is waited for however long it takes: no delivery is lost by it. What cannot get better is given up,
        and so is, after a while, what may be an erasure under way or a payload that is lost.
        """
        code = failure_code(failure)
        log.warning("webhooks.attempt_failed", exc_info=failure, extra={"code": code})
        foreseen = isinstance(failure, AppError) and not isinstance(failure, PayloadMissing)
        try:
            asked = Attempt.of(message)
        except Invalid as fault:
            await self.bury(message, reason="rejected", description=str(fault), code=fault.code)
            return
        if not may_pass(failure):
            await self.bury(message, reason="rejected", description=f"{code}: {failure}", code=code)
        elif foreseen or asked.put_off < UNFORESEEN:
            again = replace(asked, put_off=asked.put_off + 1)
            await self._bus.send(QUEUE, [again.message(self._clock() + OUTAGE)])
        else:
            await self.bury(message, reason="max-delivery-count", description=code, code=code)

    async def bury(self, message: IncomingMessage, *, reason: Reason, description: str, code: str) -> None:
        """Move an attempt to the dead letters, and say so in the delivery log.

        Its message has no body: what lies there is the event that was to be delivered, `topic` is the queue, and
        `subscription` the webhook. One that names no delivery lies there as it is.
        """
        try:
            asked = Attempt.of(message)
        except Invalid:
            await self._dead_letters.send(
                message, reason=reason, description=description, topic=QUEUE, subscription=SUBSCRIBER
            )
            return
        logged = await self._deliveries.get(asked.webhook_id, asked.delivery_id)
        if logged is None or logged.delivery.state != "pending":
            return  # nobody waits for it
        dead = await self._dead(message, asked, logged)
        if dead is None:
            await self._deliveries.change(logged, state="dropped", next_at=None, failure="data-erased")
            return
        await self._dead_letters.send(
            dead,
            reason=reason,
            description=description,
            topic=QUEUE,
            subscription=asked.webhook_id,
            delivery=Delivery(redriven=asked.redriven),
        )
        await self._deliveries.change(logged, state="failed", next_at=None, failure=code)

    async def redrive(self, letter: Letter) -> None:
        """Deliver what lies in the dead letters, unless the subscriber has had it meanwhile. Raises NotFound."""
        summary = letter.summary
        stored = await self._store.find(summary.learner, summary.event_id)
        logged = stored and await self._deliveries.get(summary.subscriber, delivery_id_of(stored.event))
        if not logged:
            raise NotFound("There is no such delivery.")
        if logged.delivery.state in ("failed", "pending"):
            redriven = summary.redriven + 1
            await self._postman.again(summary.tenant, summary.subscriber, logged.delivery.id, redriven=redriven)

    async def _dead(self, message: IncomingMessage, asked: Attempt, logged: Logged) -> IncomingMessage | None:
        """The message as it is to lie in the dead letters; None where the learner was erased."""
        try:
            stored = await self._store.find(logged.stream, logged.delivery.event_id)
        except AppError as failure:
            if may_pass(failure) and not isinstance(failure, PayloadMissing):
                raise
            known = {"id": logged.delivery.event_id, "type": logged.delivery.type, "tenantid": asked.tenant}
            return replace(
                message, body=msgspec.json.encode(known), session_id=asked.webhook_id
            )  # all that can be read
        if stored is None or stored.erased:
            return None
        return replace(message, body=body_of(stored.event), session_id=stored.event.subject)
