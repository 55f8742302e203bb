"""Who listens to what: the one table of subscriptions, from which Service Bus is configured everywhere.

`python -m scripts.topology` writes it down for the local broker and for Bicep, and tests compare triggers with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared_code.domain.events.catalogue import CATALOGUE, TOPICS, EventType, Purpose

MAX_DELIVERY_COUNT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscriber of one topic. A name says which service it is: at most 50 characters.

    `types` are the event types that it is sent; none means all of the topic. A filter goes by the application property
    `type`, which other systems that publish to the topic may not set: what has none passes no filter.

    `presumes` are purposes for which a learner's consent counts as given until it is withdrawn, because the subscriber
    does what the learner has just asked for. For any other purpose it must have been granted.
    """

    topic: str
    subscriber: str
    types: tuple[str, ...] = ()
    presumes: frozenset[Purpose] = frozenset()

    def takes(self, kind: EventType) -> bool:
        """Whether events of this type come to it."""
        return kind.topic == self.topic and (not self.types or kind.name in self.types)


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue. With sessions it keeps the order of each learner, or of each learner's line at a subscriber."""

    name: str
    sessions: bool = True
    duplicate_detection: bool = True
    dead_letters_on_expiry: bool = True


_ASKED_FOR: frozenset[Purpose] = frozenset({"voice"})  # speaking to the app asks it to listen

SUBSCRIPTIONS = (
    Subscription(topic="learning-progress", subscriber="progress", presumes=_ASKED_FOR),
    Subscription(topic="content", subscriber="audit"),
    Subscription(topic="assessment", subscriber="interaction", presumes=_ASKED_FOR),
    Subscription(topic="experiment", subscriber="audit"),
    Subscription(topic="interaction", subscriber="audit"),
    Subscription(topic="effectiveness", subscriber="audit"),
    Subscription(topic="planning", subscriber="audit"),
    Subscription(topic="notification", subscriber="audit"),
    *(Subscription(topic=topic, subscriber="webhooks") for topic in TOPICS),
)


def subscription_of(topic: str, subscriber: str) -> Subscription | None:
    """The subscription of this subscriber to this topic, or None."""
    return next((each for each in SUBSCRIPTIONS if (each.topic, each.subscriber) == (topic, subscriber)), None)


QUEUES = (
    Queue("dead-letters", dead_letters_on_expiry=False),  # the end of the way
    Queue("redeliveries"),
    Queue("webhooks", sessions=False, duplicate_detection=False),  # each attempt is a message of its own
)


def concerned(purpose: Purpose) -> tuple[str, ...]:
    """The subscribers that are sent data for which this purpose needs consent, in alphabetical order."""
    return tuple(sorted({each.subscriber for each in SUBSCRIPTIONS if _sends(each, purpose)}))


def presumed(subscriber: str, purpose: Purpose) -> bool:
    """Whether consent counts as given until it is withdrawn: for all that this subscriber is sent for the purpose."""
    asked = [each for each in SUBSCRIPTIONS if each.subscriber == subscriber and _sends(each, purpose)]
    return bool(asked) and all(purpose in each.presumes for each in asked)


def _sends(subscription: Subscription, purpose: Purpose) -> bool:
    return any(purpose in kind.carries and subscription.takes(kind) for kind in CATALOGUE)
