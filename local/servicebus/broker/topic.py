"""A topic: numbers what comes in, holds what is scheduled, copies each message to the subscriptions that want it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.servicebus.amqp.message import Message
from local.servicebus.broker.agenda import Agenda
from local.servicebus.broker.entity import Entity, Entry
from local.servicebus.broker.filters import CorrelationFilter
from local.servicebus.broker.queue import Queue
from local.servicebus.store import Store


@dataclass(frozen=True)
class Subscription:
    """A queue behind a topic; it gets what any of its filters lets through."""

    queue: Queue
    filters: Sequence[CorrelationFilter]


class Topic(Entity):
    """Duplicates are found and scheduled messages wait here, before the copies are made. `time_to_live` in ms."""

    def __init__(
        self,
        name: str,
        subscriptions: Sequence[Subscription],
        time_to_live: int | None,
        window: int | None,
        store: Store,
        agenda: Agenda,
    ) -> None:
        super().__init__(name, window, store, agenda)
        self.subscriptions = subscriptions
        self._time_to_live = time_to_live

    def check(self, message: Message) -> None:
        """Raise Refused if a subscription that wants the message cannot take it."""
        for subscription in self._wanting(message):
            subscription.queue.check(message)

    def arrive(self, message: Message, now: int) -> None:
        """One copy a subscription; without any, the message is gone."""
        self._fan_out(message, self._next_number(), now)

    def due(self, number: int, now: int) -> None:
        """A scheduled message's time has come."""
        entry = self._entries[number]
        self._remove(entry)
        self._fan_out(entry.message, number, now)

    def restore(self, entry: Entry, now: int) -> None:
        """Publish what a queue left that had this name before: a topic itself keeps only what is scheduled."""
        self.due(entry.number, now)

    def _fan_out(self, message: Message, number: int, now: int) -> None:
        for subscription in self._wanting(message):
            subscription.queue.take(message, now, number, self._time_to_live)

    def _wanting(self, message: Message) -> list[Subscription]:
        return [s for s in self.subscriptions if any(rule.matches(message) for rule in s.filters)]
