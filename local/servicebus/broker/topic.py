"""A topic: numbers what comes in, holds what is scheduled, copies each message to the subscriptions that want it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from local.servicebus.amqp.message import Message
from local.servicebus.broker.agenda import Agenda
from local.servicebus.broker.entity import Entity, Entry
from local.servicebus.broker.filters import CorrelationFilter
from local.servicebus.broker.queue import Queue
from local.servicebus.config import MILLISECOND, TopicRules, duplicate_window
from local.servicebus.store import Store

type Subscription = tuple[Queue, Sequence[CorrelationFilter]]


class Topic(Entity):
    """Duplicates are found and scheduled messages wait before the copies are made.

    A subscription is a queue that gets what any of its filters lets through.
    """

    def __init__(
        self, name: str, rules: TopicRules, store: Store, agenda: Agenda, subscriptions: Sequence[Subscription]
    ) -> None:
        super().__init__(name, duplicate_window(rules), store, agenda)
        self._ttl = rules.default_message_time_to_live // MILLISECOND
        self._subscriptions = subscriptions

    def check(self, message: Message) -> None:
        """Raise Refused if a subscription that wants the message cannot take it."""
        for queue in self._wanting(message):
            queue.check(message)

    def appear(self, entry: Entry, now: int) -> None:
        """One copy a subscription; without any, the message is gone. A topic itself keeps only what is scheduled."""
        if entry.number in self._entries:
            self._remove(entry)
        for queue in self._wanting(entry.message):
            queue.appear(Entry(queue.next_number(), entry.message, now, entry.number), now, self._ttl)

    def _wanting(self, message: Message) -> Iterator[Queue]:
        return (queue for queue, filters in self._subscriptions if any(rule.matches(message) for rule in filters))
