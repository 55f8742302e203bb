"""All entities of the configuration, found by the addresses that clients use."""

from __future__ import annotations

import logging

from local.servicebus.broker.agenda import Agenda
from local.servicebus.broker.entity import Entity
from local.servicebus.broker.queue import Queue, QueueSettings
from local.servicebus.broker.refused import entity_not_found
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.broker.topic import Subscription, Topic
from local.servicebus.config import Namespace, QueueConfig, SubscriptionConfig, milliseconds, window
from local.servicebus.store import Store

DEAD_LETTERS = "/$deadletterqueue"
log = logging.getLogger("servicebus.broker")


class Broker:
    """The rules of a namespace. The caller brings the time, in ms since 1970, and commits the store."""

    def __init__(self, namespace: Namespace, store: Store, now: int) -> None:
        self.agenda = Agenda()
        self._store = store
        self._entities: dict[str, Entity] = {}
        for queue in namespace.queues:
            self._add_queue(queue.name, queue, window(queue.properties))
        for topic in namespace.topics:
            subscriptions = [
                Subscription(self._add_queue(f"{topic.name}/Subscriptions/{sub.name}", sub, None), sub.filters())
                for sub in topic.subscriptions
            ]
            properties = topic.properties
            ttl = milliseconds(properties.default_message_time_to_live)
            self._add(Topic(topic.name, subscriptions, ttl, window(properties), store, self.agenda))
        for entity in self._entities.values():
            entity.load(now)
        for name in sorted(store.entities() - {entity.name for entity in self._entities.values()}):
            log.warning("'%s' has stored messages but is not in the configuration; they stay where they are", name)

    def find(self, address: str) -> Entity:
        """The entity of an address such as `topic/Subscriptions/name/$DeadLetterQueue`. Raises Refused."""
        entity = self._entities.get(address.lower())
        if entity is None:
            raise entity_not_found(address)
        return entity

    @staticmethod
    def takes_messages(entity: Entity) -> bool:
        """Whether clients may send to an entity: to queues and topics, not to what stands behind them."""
        return "/subscriptions/" not in entity.name.lower() and not entity.name.lower().endswith(DEAD_LETTERS)

    def tick(self, now: int) -> None:
        """Let everything happen that is due."""
        self.agenda.run(now)

    def next_due(self) -> int | None:
        """When `tick` is needed next."""
        return self.agenda.next_due()

    def _add_queue(self, name: str, config: QueueConfig | SubscriptionConfig, duplicate_window: int | None) -> Queue:
        dead_letters = Queue(name + "/$DeadLetterQueue", QueueSettings(), self._store, self.agenda)
        self._add(dead_letters)
        properties = config.properties
        settings = QueueSettings(
            lock_duration=milliseconds(properties.lock_duration),
            max_delivery_count=properties.max_delivery_count,
            time_to_live=milliseconds(properties.default_message_time_to_live),
            dead_letter_expired=properties.dead_lettering_on_message_expiration,
            duplicate_window=duplicate_window,
        )
        kind = SessionQueue if properties.requires_session else Queue
        queue = kind(name, settings, self._store, self.agenda, dead_letters)
        self._add(queue)
        return queue

    def _add(self, entity: Entity) -> None:
        self._entities[entity.name.lower()] = entity
