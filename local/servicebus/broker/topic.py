"""A topic: numbers what comes in, holds what is scheduled, copies each message to the subscriptions that want it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from local.servicebus.amqp.message import Message
from local.servicebus.broker.agenda import Agenda
from local.servicebus.broker.entity import Entity, Entry
from local.servicebus.broker.filters import CorrelationFilter
from local.servicebus.broker.queue import Queue
from local.servicebus.store import Store


class Subscription(NamedTuple):
    """A queue behind a topic; it gets what any of its filters lets through."""

    queue: Queue
    filters: Sequence[CorrelationFilter]


class Topic(Entity):
    """Duplicates are found and scheduled messages wait before the copies are made. `ttl` in ms."""

    def __init__(
        self,
        name: str,
        subscriptions: Sequence[Subscription],
        ttl: int,
        window: int | None,
        store: Store,
        agenda: Agenda,
    ) -> None:
        super().__init__(name, window, store, agenda)
        self._subscriptions = subscriptions
        self._ttl = ttl

    def check(self, message: Message) -> None:
        """Raise Refused if a subscription that wants the message cannot take it."""
        for queue in self._wanting(message):
            queue.check(message)

    def arrive(self, message: Message, now: int) -> None:
        """One copy a subscription; without any, the message is gone."""
        number = self._next_number()
        for queue in self._wanting(message):
            queue.take(message, now, number, self._ttl)

    def due(self, number: int, now: int) -> None:
        """A scheduled message's time has come."""
        entry = self._entries[number]
        self._remove(entry)
        for queue in self._wanting(entry.message):
            queue.take(entry.message, now, number, self._ttl)

    def restore(self, entry: Entry, now: int) -> None:
        """Publish what a queue left that had this name before: a topic itself keeps only what is scheduled."""
        self.due(entry.number, now)

    def _wanting(self, message: Message) -> Iterator[Queue]:
        return (queue for queue, filters in self._subscriptions if any(rule.matches(message) for rule in filters))
