"""Topics, and all entities of a namespace, found by the addresses that clients use."""

import logging
from collections.abc import Iterator

from local.servicebus.amqp.message import Message
from local.servicebus.broker.agenda import Agenda
from local.servicebus.broker.entity import Entity, Entry
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.config import MILLISECOND, CorrelationFilter, Namespace, QueueRules, TopicRules
from local.servicebus.refused import Refused
from local.servicebus.store import Store

log = logging.getLogger("servicebus.broker")

type Outlet = tuple[Queue, list[CorrelationFilter]]  # a subscription gets what any of its filters lets through


class Topic(Entity):
    """Finds duplicates, holds what is scheduled, then copies each message to the subscriptions that want it."""

    def __init__(self, name: str, rules: TopicRules, store: Store, agenda: Agenda, outlets: list[Outlet]) -> None:
        super().__init__(name, rules, store, agenda)
        self._outlets = outlets

    def check(self, message: Message) -> None:
        """Raise Refused if a subscription that wants the message cannot take it."""
        for queue in self._wanting(message):
            queue.check(message)

    def appear(self, entry: Entry, now: int) -> None:
        """One copy a subscription; without any, the message is gone. A topic itself keeps only what is scheduled."""
        if entry.number in self._entries:
            self._remove(entry)
        ceiling = self._rules.default_message_time_to_live // MILLISECOND
        for queue in self._wanting(entry.message):
            queue.appear(Entry(queue.next_number(), entry.message, now, entry.number), now, ceiling)

    def _wanting(self, message: Message) -> Iterator[Queue]:
        return (queue for queue, filters in self._outlets if any(rule.matches(message) for rule in filters))


class Broker:
    """The rules of a namespace. The caller runs the agenda and commits the store. ValueError for a name given twice."""

    def __init__(self, namespace: Namespace, store: Store) -> None:
        self.agenda = Agenda()
        self._store = store
        self._entities: dict[str, Entity] = {}
        self._destinations: list[Entity] = [self._add_queue(each.name, each.properties) for each in namespace.queues]
        for topic in namespace.topics:
            outlets = []
            for each in topic.subscriptions:
                filters = [rule.properties.correlation_filter for rule in each.rules] or [CorrelationFilter()]
                queue = self._add_queue(f"{topic.name}/Subscriptions/{each.name}", each.properties)
                outlets.append((queue, filters))
            self._destinations.append(self._add(Topic(topic.name, topic.properties, store, self.agenda, outlets)))
        for name in sorted(store.holders("message") - self._entities.keys()):
            log.warning("'%s' has stored messages but is not in the configuration; they stay where they are", name)

    def find(self, address: str) -> Entity:
        """The entity of an address such as `topic/Subscriptions/name/$DeadLetterQueue`. Raises Refused."""
        entity = self._entities.get(address.lower())
        if entity is None:  # the JavaScript SDK recognises this by the text alone
            raise Refused("amqp:not-found", f"The messaging entity '{address}' could not be found. Configure it first.")
        return entity

    def destination(self, address: str) -> Entity:
        """The queue or topic that clients may send to. Raises Refused."""
        entity = self.find(address)
        if entity not in self._destinations:
            raise Refused("amqp:not-allowed", f"'{entity.name}' cannot be sent to, only its queue or topic can.")
        return entity

    def source(self, address: str) -> Queue:
        """The queue, subscription or dead-letter queue that clients may receive from. Raises Refused."""
        entity = self.find(address)
        if not isinstance(entity, Queue):
            raise Refused("amqp:not-allowed", f"'{entity.name}' is a topic; receive from one of its subscriptions.")
        return entity

    def sessions(self, address: str) -> SessionQueue:
        """The queue or subscription with sessions that clients ask about. Raises Refused."""
        queue = self.source(address)
        if not isinstance(queue, SessionQueue):
            raise Refused("amqp:not-allowed", f"'{queue.name}' has no sessions.")
        return queue

    def _add_queue(self, name: str, rules: QueueRules) -> Queue:
        dead_letters = self._add(Queue(f"{name}/$DeadLetterQueue", rules, self._store, self.agenda, None))
        kind = SessionQueue if rules.requires_session else Queue
        return self._add(kind(name, rules, self._store, self.agenda, dead_letters))

    def _add[E: Entity](self, entity: E) -> E:
        if self._entities.setdefault(entity.name.lower(), entity) is not entity:
            raise ValueError(f"'{entity.name}' is configured twice")
        return entity
