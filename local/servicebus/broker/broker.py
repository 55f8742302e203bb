"""All entities of a namespace, found by the addresses that clients use."""

from __future__ import annotations

import logging

from local.servicebus.broker.agenda import Agenda
from local.servicebus.broker.entity import Entity
from local.servicebus.broker.filters import CorrelationFilter
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.broker.topic import Topic
from local.servicebus.config import DeliveryRules, Namespace
from local.servicebus.refused import Condition, Refused
from local.servicebus.store import Store

log = logging.getLogger("servicebus.broker")


class Broker:
    """The rules of a namespace. The caller brings the time, in ms since 1970, and commits the store."""

    def __init__(self, namespace: Namespace, store: Store, now: int) -> None:
        self.agenda = Agenda()
        self._store = store
        self._entities: dict[str, Entity] = {}
        self._destinations: list[Entity] = [self._add_queue(each.name, each.properties) for each in namespace.queues]
        for topic in namespace.topics:
            subscriptions = []
            for each in topic.subscriptions:
                filters = [rule.properties.correlation_filter for rule in each.rules] or [CorrelationFilter()]
                queue = self._add_queue(f"{topic.name}/Subscriptions/{each.name}", each.properties)
                subscriptions.append((queue, filters))
            self._destinations.append(self._add(Topic(topic.name, topic.properties, store, self.agenda, subscriptions)))
        unknown = set()
        for row in store.messages():
            if entity := self._entities.get(row[1].lower()):
                entity.load(row, now)
            else:
                unknown.add(row[1])
        for name in sorted(unknown):
            log.warning("'%s' has stored messages but is not in the configuration; they stay where they are", name)

    def find(self, address: str) -> Entity:
        """The entity of an address such as `topic/Subscriptions/name/$DeadLetterQueue`. Raises Refused."""
        entity = self._entities.get(address.lower())
        if entity is None:  # the JavaScript SDK recognises this by the text alone
            why = f"The messaging entity '{address}' could not be found. Add it to the configuration."
            raise Refused(Condition.NOT_FOUND, why)
        return entity

    def destination(self, address: str) -> Entity:
        """The queue or topic that clients may send to. Raises Refused."""
        entity = self.find(address)
        if entity not in self._destinations:
            raise Refused(Condition.NOT_ALLOWED, f"'{entity.name}' cannot be sent to, only its queue or topic can.")
        return entity

    def source(self, address: str) -> Queue:
        """The queue, subscription or dead-letter queue that clients may receive from. Raises Refused."""
        entity = self.find(address)
        if not isinstance(entity, Queue):
            raise Refused(Condition.NOT_ALLOWED, f"'{entity.name}' is a topic; receive from one of its subscriptions.")
        return entity

    def sessions(self, address: str) -> SessionQueue:
        """The queue or subscription with sessions that clients ask about. Raises Refused."""
        queue = self.source(address)
        if not isinstance(queue, SessionQueue):
            raise Refused(Condition.NOT_ALLOWED, f"'{queue.name}' has no sessions.")
        return queue

    def _add_queue(self, name: str, rules: DeliveryRules) -> Queue:
        dead_letters = self._add(Queue(f"{name}/$DeadLetterQueue", rules, self._store, self.agenda))
        kind = SessionQueue if rules.requires_session else Queue
        return self._add(kind(name, rules, self._store, self.agenda, dead_letters))

    def _add[E: Entity](self, entity: E) -> E:
        self._entities[entity.name.lower()] = entity
        return entity
