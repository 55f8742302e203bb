"""Redriving: a dead letter goes to the one subscription that it died in, and only then out of the dead letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError, Invalid, NotFound, TooLarge
from shared_code.domain.events.topology import subscription_of
from shared_code.events.consumer import fitting
from shared_code.events.dead_letter_queue import DeadLetterQueue
from shared_code.events.letter import Letter
from shared_code.events.letters import Letters
from shared_code.events.line import Line
from shared_code.events.redeliveries import Addressed, Redeliveries
from shared_code.storage.lake import Lake


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of some letters. `refused` are those that do not fit their schema: they stay, to be edited.

    Or to be discarded, where there is no event in them.
    """

    accepted: list[Letter]
    refused: list[tuple[Letter, AppError]]


class Redrive:
    """A crash anywhere loses nothing: what was accepted and is still among the dead letters may be redriven again.

    The bus drops it as a duplicate, or the subscriber's inbox does. `pseudonym(tenant, subject)` names streams.
    `queues` say what to do, again if need be, about a letter that died in a queue, by the queue's name.
    """

    def __init__(
        self,
        *,
        letters: Letters,
        queue: DeadLetterQueue,
        redeliveries: Redeliveries,
        queues: Mapping[str, Callable[[Letter], Awaitable[None]]],
        lake: Lake,
        pseudonym: Callable[[str, str], str],
        clock: Clock,
    ) -> None:
        self._letters = letters
        self._queue = queue
        self._redeliveries = redeliveries
        self._queues = queues
        self._lake = lake
        self._pseudonym = pseudonym
        self._clock = clock

    async def redrive(self, tenant: str, letters: Sequence[Letter], *, by: str) -> Redriven:
        """Send letters of one tenant again, strike them off. Raises Unavailable; then some may have been sent."""
        outcome = Redriven([], [])
        addressed = []
        for letter in letters:
            if letter.erased:
                continue  # nobody has anything to do about it any more
            try:
                if again := self._queues.get(letter.summary.topic):
                    await again(letter)
                else:
                    addressed.append(self._addressed(letter))
                outcome.accepted.append(letter)
            except (Invalid, TooLarge, NotFound) as fault:
                outcome.refused.append((letter, fault))
        await self._redeliveries.deliver(addressed)
        await self._queue.take(outcome.accepted)
        gone = [*outcome.accepted, *(letter for letter in letters if letter.erased)]
        await self._letters.remove(tenant, [letter.summary for letter in gone])
        for letter in outcome.accepted:
            self.record(letter, "redriven", by)
        return outcome

    async def discard(self, tenant: str, letter: Letter, *, by: str, why: str) -> None:
        """Strike a letter off for good."""
        if not letter.erased:
            await self._queue.take([letter])
        await self._letters.remove(tenant, [letter.summary])
        self.record(letter, "discarded", by, why=why)

    def record(self, letter: Letter, outcome: str, by: str, **more: str) -> None:
        """Say in the lake what an operator did to a letter."""
        summary = letter.summary
        self._lake.write(
            "integration",
            "event_bus/event_processing_logs",
            {
                "outcome": outcome,
                "letter": summary.id,
                "event_id": summary.event_id,
                "type": summary.type,
                "topic": summary.topic,
                "subscriber": summary.subscriber,
                "learner": summary.learner,
                "correlation_id": summary.correlation_id,
                "redriven": summary.redriven,
                "by": by,
                **more,
            },
        )

    def _addressed(self, letter: Letter) -> Addressed:
        summary = letter.summary
        if subscription_of(summary.topic, summary.subscriber) is None:
            raise Invalid("The subscription that this letter died in is no more.", code="subscription-gone")
        if not letter.body:
            raise Invalid("There is no event in this letter: it can only be discarded.", code="letter-empty")
        event = fitting(letter.body, summary.topic, self._clock).event
        line = Line(summary.topic, summary.subscriber, self._pseudonym(event.tenantid, event.subject))
        delivery = replace(letter.delivery, redriven=letter.delivery.redriven + 1)
        return Addressed(line, event.id, event.correlationid, letter.body, delivery)
