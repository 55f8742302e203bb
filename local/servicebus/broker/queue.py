"""A queue, a subscription or a dead-letter queue: delivery under locks, settlement, expiry, dead-lettering."""

import heapq
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any, Protocol

from local.servicebus.amqp.codec import Int, Timestamp
from local.servicebus.amqp.message import Message
from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.broker.entity import Entity, Entry, State
from local.servicebus.config import MILLISECOND, QueueRules
from local.servicebus.refused import Condition, Refused
from local.servicebus.store import Store

Settlement = Enum("Settlement", "COMPLETE ABANDON RELEASE DEFER DEAD_LETTER")
"""What a receiver decides: a message is done with; it failed, and comes again or dies of it; nobody looked at it, and
it comes again uncounted; it waits until someone asks for its number; it is dead."""

type HandedOut = list[tuple[uuid.UUID, bytes]]  # lock tokens and messages


class Consumer(Protocol):
    """A receiver. `locks`: peek-lock, else receive-and-delete; `credit`: how many more messages it takes now."""

    name: str
    locks: bool
    credit: int

    def deliver(self, token: bytes, payload: bytes) -> None:
        """Hand over a message under a lock token of 16 bytes, in the byte order of .NET."""

    def granted(self, session_id: str, until: int) -> None:
        """The session that it asked for is its own until then, in ms since 1970."""

    def lost(self, why: Refused) -> None:
        """Its session, or its wait for one, is over."""


class Lane:
    """Numbers of messages that are ready, lowest first; those of messages that are gone are skipped."""

    def __init__(self, session_id: str = "") -> None:
        self.session_id = session_id
        self.consumers: deque[Consumer] = deque()  # of a session one at most, its owner
        self.until = 0  # that owner holds the session until then, in ms since 1970
        self.timer: Timer | None = None
        self.ready: list[int] = []

    def first(self, entries: Mapping[int, Entry]) -> Entry | None:
        """The message that is next; it stays in line until it is locked or gone."""
        while self.ready:
            entry = entries.get(self.ready[0])
            if entry is not None and not entry.token and entry.state == State.ACTIVE:
                return entry
            heapq.heappop(self.ready)
        return None

    def next_consumer(self) -> Consumer | None:
        """Whoever has credit, in turns."""
        for _ in range(len(self.consumers)):
            self.consumers.rotate(-1)
            if self.consumers[-1].credit > 0:
                return self.consumers[-1]
        return None


class Queue(Entity):
    """Holds messages until someone completes them. One for dead letters has no time to live, no limit of deliveries."""

    _rules: QueueRules
    _lost: Condition = "com.microsoft:message-lock-lost"

    def __init__(self, name: str, rules: QueueRules, store: Store, agenda: Agenda, dead: "Queue | None") -> None:
        super().__init__(name, rules, store, agenda)
        self._dead_letters = dead  # None for a dead-letter queue itself
        self._locked: dict[bytes, Entry] = {}
        self._lane = Lane()
        self._lanes: dict[Consumer, Lane] = {}  # that they take messages from

    def check(self, message: Message) -> None:
        """Refuse a message without a session id, if the queue needs one."""
        if self._rules.requires_session and message.session_id is None:
            raise Refused("amqp:not-allowed", f"'{self.name}' requires sessions: a message needs a session id.")

    def appear(self, entry: Entry, now: int, ceiling: int | None = None) -> None:
        """A message can be received. A topic may limit its life to `ceiling` ms."""
        entry.state = State.ACTIVE
        if self._dead_letters is not None:
            limits = (entry.message.ttl, self._rules.default_message_time_to_live // MILLISECOND, ceiling)
            entry.expires = entry.enqueued + min(limit for limit in limits if limit is not None)
            entry.timer = self._agenda.at(entry.expires, partial(self._expire, entry))
        self._save(entry)
        self._offer(entry, now)

    def restore(self, entry: Entry, now: int) -> None:
        """Go on with a stored message; one that was with a client when the broker died counts as failed there."""
        failed, entry.token = bool(entry.token), b""
        if entry.expires is not None:
            entry.timer = self._agenda.at(entry.expires, partial(self._expire, entry))
        if failed:
            self._return(entry, now, failed=True)
        else:
            self._offer(entry, now)

    def attach(self, consumer: Consumer, now: int) -> None:
        """A receiver comes."""
        self._lane.consumers.append(consumer)
        self._lanes[consumer] = self._lane
        self._deliver(self._lane, now)

    def detach(self, consumer: Consumer, now: int) -> None:
        """A receiver goes. Its locks live on until they expire."""
        self._lanes.pop(consumer).consumers.remove(consumer)

    def pump(self, consumer: Consumer, now: int) -> None:
        """A receiver has new credit."""
        if consumer in self._lanes:
            self._deliver(self._lanes[consumer], now)

    def receive_deferred(self, numbers: Sequence[int], locks: bool, session_id: str | None, now: int) -> HandedOut:
        """Hand out deferred messages by number, all or, raising Refused, none."""
        return [self._hand_out(entry, locks, now) for entry in self._find(numbers, State.DEFERRED, session_id)]

    def encoded(self, entry: Entry, locked_until: int | None = None, lock_token: uuid.UUID | None = None) -> bytes:
        """A message as a client gets it."""
        annotations: dict[str, Any] = {
            "x-opt-sequence-number": entry.number,
            "x-opt-enqueued-time": Timestamp(entry.enqueued),
            "x-opt-message-state": Int(entry.state),
        }
        if entry.source_number is not None:
            annotations["x-opt-enqueue-sequence-number"] = entry.source_number
        if locked_until is not None:
            annotations["x-opt-locked-until"] = Timestamp(locked_until)
        ttl = None if entry.expires is None else entry.expires - entry.enqueued  # clients compute the expiry from it
        return entry.message.encoded(entry.delivery_count, ttl, annotations, lock_token)

    def _lane_of(self, session_id: str | None) -> Lane:
        return self._lane

    def _offer(self, entry: Entry, now: int) -> None:
        """Put a message in line and deliver what can be delivered, unless it is deferred or its time has passed."""
        if entry.expires is not None and entry.expires <= now:
            self._expire(entry, now)
        elif entry.state == State.ACTIVE:
            lane = self._lane_of(entry.message.session_id)
            heapq.heappush(lane.ready, entry.number)
            self._deliver(lane, now)

    def _deliver(self, lane: Lane, now: int) -> None:
        while (entry := lane.first(self._entries)) and (consumer := lane.next_consumer()):
            token, payload = self._hand_out(entry, consumer.locks, now)
            consumer.deliver(token.bytes_le, payload)

    def _hand_out(self, entry: Entry, locks: bool, now: int) -> tuple[uuid.UUID, bytes]:
        """Lock a message or delete it; lock token and message. One that was deferred has the token in it."""
        token, until = uuid.uuid4(), None
        if locks:
            entry.token = token.bytes_le
            self._locked[entry.token] = entry
            until = self._lock(entry, now)
            self._save(entry)
        else:
            self._remove(entry)
        return token, self.encoded(entry, until, token if entry.state == State.DEFERRED else None)

    def _lock(self, entry: Entry, now: int) -> int:
        """Hold a message for a lock duration from now; the answer is until when."""
        until = now + self._rules.lock_duration // MILLISECOND
        self._agenda.cancel(entry.lock)
        entry.lock = self._agenda.at(until, partial(self.settle, entry.token, Settlement.ABANDON))
        return until

    def settle(self, token: bytes, decision: Settlement, now: int, changes: Mapping[str, Any] | None = None) -> None:
        """Do what a receiver decided, setting properties such as `DeadLetterReason`. Raises Refused for a lost lock."""
        if decision is Settlement.DEAD_LETTER and self._dead_letters is None:
            raise Refused("amqp:not-allowed", f"A message in '{self.name}' is dead already; complete it instead.")
        entry = self._held(token)
        del self._locked[token]
        self._agenda.cancel(entry.lock)
        entry.token = b""
        entry.message = entry.message.with_application_properties(changes or {})
        match decision:
            case Settlement.COMPLETE:
                self._remove(entry)
            case Settlement.ABANDON | Settlement.RELEASE:
                self._return(entry, now, failed=decision is Settlement.ABANDON)
            case Settlement.DEFER:
                entry.state = State.DEFERRED
                self._save(entry)
            case Settlement.DEAD_LETTER:
                self._bury(entry, now)

    def renew(self, token: bytes, now: int) -> int:
        """Hold a message for another lock duration; the answer is until when."""
        return self._lock(self._held(token), now)

    def _held(self, token: bytes) -> Entry:
        if token not in self._locked:
            raise self._lock_lost()
        return self._locked[token]

    def _lock_lost(self) -> Refused:
        return Refused(self._lost, f"This lock in '{self.name}' expired, or the message is settled already.")

    def _return(self, entry: Entry, now: int, failed: bool) -> None:
        """Someone gets the message again, unless it died of it or its time has passed."""
        entry.delivery_count += failed
        limit = self._rules.max_delivery_count
        if failed and self._dead_letters is not None and entry.delivery_count >= limit:
            why = f"Message could not be consumed after {limit} delivery attempts."
            self._bury(entry, now, DeadLetterReason="MaxDeliveryCountExceeded", DeadLetterErrorDescription=why)
        else:
            self._save(entry)
            self._offer(entry, now)

    def _expire(self, entry: Entry, now: int) -> None:
        if entry.token or entry.state == State.DEFERRED:
            return  # looked at again when the lock ends; what is deferred does not expire
        if self._rules.dead_lettering_on_message_expiration:
            why = "The message expired and was dead lettered."
            self._bury(entry, now, DeadLetterReason="TTLExpiredException", DeadLetterErrorDescription=why)
        else:
            self._remove(entry)

    def _bury(self, entry: Entry, now: int, **changes: str) -> None:
        """Move a message to the dead-letter queue, where it keeps what it was and is known by another number."""
        assert self._dead_letters is not None
        self._remove(entry)
        message, number = entry.message.with_application_properties(changes), self._dead_letters.next_number()
        dead = Entry(number, message, entry.enqueued, entry.number, delivery_count=entry.delivery_count)
        self._dead_letters.appear(dead, now)
