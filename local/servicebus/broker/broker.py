"""All entities of a namespace, found by the addresses that clients use."""

from __future__ import annotations

import logging

from local.servicebus.broker.agenda import Agenda
from local.servicebus.broker.entity import Entity
from local.servicebus.broker.queue import Queue, QueueSettings
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.broker.topic import Subscription, Topic
from local.servicebus.config import Namespace, QueueConfig, SubscriptionConfig, milliseconds, window
from local.servicebus.store import Store

log = logging.getLogger("servicebus.broker")


class Broker:
    """The rules of a namespace. The caller brings the time, in ms since 1970, and commits the store."""

    def __init__(self, namespace: Namespace, store: Store, now: int) -> None:
        self.agenda = Agenda()
        self._store = store
        self._entities: dict[str, Entity] = {}
        self._destinations: list[Entity] = []
        for queue in namespace.queues:
            self._destinations.append(self._add_queue(queue.name, queue, window(queue.properties)))
        for topic in namespace.topics:
            subscriptions = [
                Subscription(self._add_queue(f"{topic.name}/Subscriptions/{sub.name}", sub, None), sub.filters())
                for sub in topic.subscriptions
            ]
            ttl = milliseconds(topic.properties.default_message_time_to_live)
            added = Topic(topic.name, subscriptions, ttl, window(topic.properties), store, self.agenda)
            self._destinations.append(self._add(added))
        for entity in self._entities.values():
            entity.load(now)
        for name in sorted(store.entities() - {entity.name for entity in self._entities.values()}):
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

    def _add_queue(self, name: str, config: QueueConfig | SubscriptionConfig, duplicates: int | None) -> Queue:
        dead_letters = Queue(f"{name}/$DeadLetterQueue", QueueSettings(), self._store, self.agenda)
        self._add(dead_letters)
        rules = config.properties
        settings = QueueSettings(
            lock_duration=milliseconds(rules.lock_duration),
            max_delivery_count=rules.max_delivery_count,
            time_to_live=milliseconds(rules.default_message_time_to_live),
            dead_letter_expired=rules.dead_lettering_on_message_expiration,
            duplicate_window=duplicates,
        )
        kind = SessionQueue if rules.requires_session else Queue
        queue = kind(name, settings, self._store, self.agenda, dead_letters)
        self._add(queue)
        return queue

    def _add(self, entity: Entity) -> Entity:
        self._entities[entity.name.lower()] = entity
        return entity
