"""A queue, a subscription or a dead-letter queue: delivery under locks, settlement, expiry, dead-lettering."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from local.servicebus.amqp.message import Message
from local.servicebus.amqp.values import Int, Timestamp
from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.broker.entity import Entity, Entry, State
from local.servicebus.broker.lane import Consumer, Lane
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.store import Store


@dataclass(frozen=True)
class QueueSettings:
    """The rules of one queue, times in ms. None: no limit, no time to live, no duplicate detection."""

    lock_duration: int = 60_000
    max_delivery_count: int | None = None
    time_to_live: int | None = None
    dead_letter_expired: bool = False
    duplicate_window: int | None = None


@dataclass(slots=True, eq=False)
class _Lock:
    entry: Entry
    timer: Timer | None  # none where a session's lock covers the message


class Queue(Entity):
    """Holds messages until someone completes them. `dead_letters` is None for a dead-letter queue itself."""

    def __init__(
        self, name: str, settings: QueueSettings, store: Store, agenda: Agenda, dead_letters: Queue | None = None
    ) -> None:
        super().__init__(name, settings.duplicate_window, store, agenda)
        self._settings = settings
        self._dead_letters = dead_letters
        self._locks: dict[bytes, _Lock] = {}
        self._lane = Lane()

    # Taking messages in

    def check(self, message: Message) -> None:
        """Every message fits a plain queue; one with sessions asks for more."""

    def arrive(self, message: Message, now: int) -> None:
        """A message comes in and can be received."""
        self.take(message, now)

    def take(self, message: Message, now: int, source_number: int | None = None, ceiling: int | None = None) -> None:
        """Like `arrive`, from a topic: it knows the message by another number and may limit its life, in ms."""
        entry = Entry(self._next_number(), message, now, source_number)
        self._live(entry, ceiling)
        self._offer(self._add(entry), now)

    def due(self, number: int, now: int) -> None:
        """A scheduled message becomes active, its due time its time of enqueueing."""
        entry = self._entries[number]
        entry.state = State.ACTIVE
        self._live(entry)
        self._changed(entry)
        self._offer(entry, now)

    def restore(self, entry: Entry, now: int) -> None:
        """Take back a stored message; one that was with a client when the broker died counts as failed there."""
        if entry.expires is not None:
            entry.timer = self._agenda.at(entry.expires, partial(self._expire, entry))
        if entry.delivered:
            self._return(entry, now, failed=True)
        elif entry.state == State.ACTIVE:
            self._offer(entry, now)

    def _live(self, entry: Entry, ceiling: int | None = None) -> None:
        limits = (entry.message.ttl, self._settings.time_to_live, ceiling)
        if ttls := [limit for limit in limits if limit is not None]:
            entry.expires = entry.enqueued + min(ttls)
            entry.timer = self._agenda.at(entry.expires, partial(self._expire, entry))

    # Handing messages out

    def attach(self, consumer: Consumer, now: int) -> None:
        """A receiver comes."""
        self._lane.consumers.append(consumer)
        self.pump(consumer, now)

    def detach(self, consumer: Consumer, now: int) -> None:
        """A receiver goes. Its locks live on until they expire."""
        self._lane.consumers.remove(consumer)

    def pump(self, consumer: Consumer, now: int) -> None:
        """A receiver has new credit."""
        self._deliver(self._lane, now)

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

    def receive_deferred(
        self, numbers: Sequence[int], locks: bool, session_id: str | None, now: int
    ) -> list[tuple[uuid.UUID, bytes]]:
        """Hand out deferred messages by number, all or, raising Refused, none; lock tokens and messages."""
        found = [self._entries[number] for number in numbers if number in self._entries]
        ready = [e for e in found if e.state == State.DEFERRED and e.token is None]
        if len(ready) < len(numbers) or any(e.message.session_id != session_id for e in ready if session_id):
            missing = f"'{self.name}' has no deferred message under some of the numbers {list(numbers)}."
            raise Refused(Condition.MESSAGE_NOT_FOUND, missing)
        answer = []
        for entry in ready:
            token = uuid.uuid4()
            until = self._take_out(entry, token.bytes_le, locks, now)
            answer.append((token, self.encoded(entry, until, token)))
        return answer

    def _lane_of(self, entry: Entry) -> Lane:
        return self._lane

    def _offer(self, entry: Entry, now: int) -> None:
        """Put an active message in line and deliver what can be delivered."""
        lane = self._lane_of(entry)
        lane.put(entry)
        self._deliver(lane, now)

    def _deliver(self, lane: Lane, now: int) -> None:
        while (entry := lane.first(self._entries)) and (consumer := lane.next_consumer()):
            if entry.expires is not None and entry.expires <= now:
                self._expire(entry, now)
                continue
            token = uuid.uuid4().bytes_le
            until = self._take_out(entry, token, consumer.locks, now)
            consumer.deliver(token, self.encoded(entry, until))

    def _take_out(self, entry: Entry, token: bytes, locks: bool, now: int) -> int | None:
        """Lock a message, the answer being until when, or delete it."""
        if not locks:
            self._remove(entry)
            return None
        entry.token, entry.delivered = token, True
        until, timer = self._lock(entry, token, now)
        self._locks[token] = _Lock(entry, timer)
        self._changed(entry)
        return until

    def _lock(self, entry: Entry, token: bytes, now: int) -> tuple[int, Timer | None]:
        until = now + self._settings.lock_duration
        return until, self._agenda.at(until, partial(self.abandon, token))

    # Settling

    def complete(self, token: bytes, now: int) -> None:
        """The message is done with."""
        self._remove(self._unlock(token))

    def abandon(self, token: bytes, now: int, changes: Mapping[str, Any] | None = None) -> None:
        """The receiver failed: someone gets it again, or it dies if that was once too often."""
        self._return(self._rewritten(self._unlock(token), changes), now, failed=True)

    def release(self, token: bytes, now: int) -> None:
        """The receiver never looked at it."""
        self._return(self._unlock(token), now, failed=False)

    def defer(self, token: bytes, now: int, changes: Mapping[str, Any] | None = None) -> None:
        """Put it aside until someone asks for its number."""
        entry = self._rewritten(self._unlock(token), changes)
        entry.state, entry.delivered = State.DEFERRED, False
        self._changed(entry)

    def dead_letter(self, token: bytes, now: int, changes: Mapping[str, Any]) -> None:
        """Move it to the dead-letter queue; `changes` says why, in `DeadLetterReason` and its like."""
        if self._dead_letters is None:
            raise Refused(Condition.NOT_ALLOWED, f"A message in '{self.name}' is dead already; complete it instead.")
        self._bury(self._unlock(token), changes, now)

    def renew(self, token: bytes, now: int) -> int:
        """Hold a message for another lock duration; the answer is until when."""
        lock = self._locks.get(token)
        if lock is None:
            raise self._lock_lost()
        self._agenda.cancel(lock.timer)
        until, lock.timer = self._lock(lock.entry, token, now)
        return until

    def _lock_lost(self) -> Refused:
        why = f"The lock on this message of '{self.name}' expired, or the message is settled already."
        return Refused(Condition.MESSAGE_LOCK_LOST, why)

    def _unlock(self, token: bytes) -> Entry:
        lock = self._locks.pop(token, None)
        if lock is None:
            raise self._lock_lost()
        self._agenda.cancel(lock.timer)
        lock.entry.token, lock.entry.delivered = None, False
        return lock.entry

    def _return(self, entry: Entry, now: int, failed: bool) -> None:
        entry.delivered = False
        entry.delivery_count += failed
        limit = self._settings.max_delivery_count
        if failed and limit is not None and entry.delivery_count >= limit:
            why = f"Message could not be consumed after {limit} delivery attempts."
            self._bury(entry, _reason("MaxDeliveryCountExceeded", why), now)
        elif entry.state == State.ACTIVE and entry.expires is not None and entry.expires <= now:
            self._expire(entry, now)  # its time passed while it was locked
        else:
            self._changed(entry)
            if entry.state == State.ACTIVE:
                self._offer(entry, now)

    def _rewritten(self, entry: Entry, changes: Mapping[str, Any] | None) -> Entry:
        if changes:
            self._store.delete(entry.row_id)
            entry.message = entry.message.with_application_properties(changes)
            self._insert(entry)
        return entry

    def _expire(self, entry: Entry, now: int) -> None:
        if entry.token is not None or entry.state == State.DEFERRED:
            return  # looked at again when the lock ends; what is deferred does not expire
        if self._settings.dead_letter_expired:
            self._bury(entry, _reason("TTLExpiredException", "The message expired and was dead lettered."), now)
        else:
            self._remove(entry)

    def _bury(self, entry: Entry, changes: Mapping[str, Any], now: int) -> None:
        self._remove(entry)
        if self._dead_letters is not None:
            self._dead_letters.adopt(entry, entry.message.with_application_properties(changes), now)

    def adopt(self, entry: Entry, message: Message, now: int) -> None:
        """Take a dead letter over from the queue that it died in."""
        dead = Entry(self._next_number(), message, entry.enqueued, entry.number)
        dead.delivery_count = entry.delivery_count
        self._offer(self._add(dead), now)


def _reason(reason: str, description: str) -> dict[str, str]:
    return {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
