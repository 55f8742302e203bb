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
from local.servicebus.broker.consumer import Consumer
from local.servicebus.broker.entity import Entity, Entry, State
from local.servicebus.broker.lane import Lane
from local.servicebus.broker.refused import MESSAGE_LOCK_LOST, MESSAGE_NOT_FOUND, NOT_ALLOWED, Refused
from local.servicebus.store import Store


@dataclass(frozen=True)
class QueueSettings:
    """The rules of one queue. None: no limit, no time to live, no duplicate detection; times in ms."""

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
        self.settings = settings
        self.dead_letters = dead_letters
        self._locks: dict[bytes, _Lock] = {}
        self._lane = Lane()

    # Taking messages in

    def check(self, message: Message) -> None:
        """Every message fits a plain queue; a session queue asks for more."""

    def arrive(self, message: Message, now: int) -> None:
        """A message comes in and can be received."""
        self.take(message, now)

    def take(self, message: Message, now: int, source_number: int | None = None, ceiling: int | None = None) -> None:
        """Like `arrive`, from a topic, which knows the message by another number and may limit its life, in ms."""
        entry = Entry(self._next_number(), message, source_number, now)
        self._live(entry, ceiling)
        self._add(entry)
        self._offer(entry, now)

    def adopt(self, entry: Entry, message: Message, now: int) -> None:
        """Take a dead letter over from the queue that it died in."""
        dead = Entry(self._next_number(), message, entry.number, entry.enqueued, delivery_count=entry.delivery_count)
        self._offer(self._add(dead), now)

    def due(self, number: int, now: int) -> None:
        """A scheduled message becomes active, its due time its time of enqueueing."""
        entry = self._entries[number]
        entry.state = State.ACTIVE
        self._live(entry)
        self._changed(entry)
        self._offer(entry, now)

    def _live(self, entry: Entry, ceiling: int | None = None) -> None:
        limits = (entry.message.header.ttl, self.settings.time_to_live, ceiling)
        if ttls := [limit for limit in limits if limit is not None]:
            entry.expires = entry.enqueued + min(ttls)
            entry.timer = self._agenda.at(entry.expires, partial(self._expire, entry.number))

    def restore(self, entry: Entry, now: int) -> None:
        """Take back a stored message; one that was with a client when the broker died counts as failed there."""
        if entry.expires is not None:
            entry.timer = self._agenda.at(entry.expires, partial(self._expire, entry.number))
        self._return(entry, now, failed=entry.delivered)

    # Handing messages out

    def attach(self, consumer: Consumer, now: int) -> None:
        """A receiver comes."""
        self._lane.consumers.append(consumer)
        self.pump(consumer, now)

    def detach(self, consumer: Consumer, now: int) -> None:
        """A receiver goes. Its locks live on until they expire."""
        if consumer in self._lane.consumers:
            self._lane.consumers.remove(consumer)

    def pump(self, consumer: Consumer, now: int) -> None:
        """A receiver has new credit."""
        self._deliver_ready(self._lane, now)

    def _lane_of(self, entry: Entry) -> Lane:
        return self._lane

    def _offer(self, entry: Entry, now: int) -> None:
        """Put an active message in line and deliver what can be delivered."""
        lane = self._lane_of(entry)
        lane.put(entry)
        self._deliver_ready(lane, now)

    def _deliver_ready(self, lane: Lane, now: int) -> None:
        while (entry := lane.first(self._entries)) and (consumer := lane.next_consumer()):
            lane.pop()
            if _expired(entry, now):
                self._expire(entry.number, now)
            else:
                consumer.deliver(*self._hand_out(entry, consumer.locks, now))

    def _hand_out(self, entry: Entry, locks: bool, now: int) -> tuple[bytes, bytes]:
        """Lock a message, or delete it; token and encoded message."""
        token = uuid.uuid4().bytes_le
        if not locks:
            self._remove(entry)
            return token, self.encoded(entry)
        entry.token, entry.delivered = token, True
        until, timer = self._lock(entry, now)
        self._locks[token] = _Lock(entry, timer)
        self._changed(entry)
        return token, self.encoded(entry, locked_until=until)

    def _lock(self, entry: Entry, now: int) -> tuple[int, Timer | None]:
        until = now + self.settings.lock_duration
        assert entry.token is not None
        return until, self._agenda.at(until, partial(self._lock_expired, entry.token))

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
        token = None if lock_token is None else {"x-opt-lock-token": lock_token}
        return entry.message.encoded(entry.delivery_count, ttl, annotations, token)

    def receive_deferred(
        self, numbers: Sequence[int], locks: bool, session_id: str | None, now: int
    ) -> list[tuple[uuid.UUID, bytes]]:
        """Hand out deferred messages by number, all or, raising Refused, none."""
        found = [self._entries.get(number) for number in numbers]
        entries = [e for e in found if e is not None and e.state == State.DEFERRED and e.token is None]
        if len(entries) < len(found) or any(e.message.session_id != session_id for e in entries if session_id):
            raise Refused(MESSAGE_NOT_FOUND, f"'{self.name}' has no deferred message with some of {list(numbers)}.")
        self._may_lock(session_id)
        answer = []
        for entry in entries:
            token, payload = self._hand_out(entry, locks, now)
            answer.append((uuid.UUID(bytes_le=token), payload))
        return answer

    def _may_lock(self, session_id: str | None) -> None:
        """Raise Refused unless messages of this session may be locked now."""

    # Settling

    def complete(self, token: bytes, now: int) -> None:
        """The message is done with."""
        self._remove(self._unlock(token))

    def abandon(self, token: bytes, now: int, changes: Mapping[str, Any]) -> None:
        """The receiver failed: someone gets it again, or it dies if that was once too often."""
        self._return(self._rewritten(self._unlock(token), changes), now, failed=True)

    def release(self, token: bytes, now: int) -> None:
        """The receiver never looked at it."""
        self._return(self._unlock(token), now, failed=False)

    def defer(self, token: bytes, now: int, changes: Mapping[str, Any]) -> None:
        """Put it aside until someone asks for its number."""
        entry = self._rewritten(self._unlock(token), changes)
        entry.state, entry.delivered = State.DEFERRED, False
        self._changed(entry)

    def dead_letter(self, token: bytes, now: int, changes: Mapping[str, Any]) -> None:
        """Move it to the dead-letter queue; `changes` says why, in `DeadLetterReason` and its like."""
        if self.dead_letters is None:
            raise Refused(NOT_ALLOWED, f"A message in '{self.name}' is dead already; complete it instead.")
        self._bury(self._unlock(token), changes, now)

    def renew(self, token: bytes, now: int) -> int:
        """Hold a message for another lock duration; the answer is until when."""
        lock = self._locks.get(token)
        if lock is None:
            raise self._lock_lost()
        self._agenda.cancel(lock.timer)
        until, lock.timer = self._lock(lock.entry, now)
        return until

    def _lock_lost(self) -> Refused:
        return Refused(
            MESSAGE_LOCK_LOST, f"The lock on this message of '{self.name}' expired, or it is settled already."
        )

    def _lock_expired(self, token: bytes, now: int) -> None:
        self._return(self._unlock(token), now, failed=True)

    def _unlock(self, token: bytes) -> Entry:
        lock = self._locks.pop(token, None)
        if lock is None:
            raise self._lock_lost()
        self._agenda.cancel(lock.timer)
        lock.entry.token = None
        return lock.entry

    def _return(self, entry: Entry, now: int, failed: bool) -> None:
        entry.delivered = False
        entry.delivery_count += failed
        limit = self.settings.max_delivery_count
        if failed and limit is not None and entry.delivery_count >= limit:
            description = f"Message could not be consumed after {limit} delivery attempts."
            self._bury(entry, _reason("MaxDeliveryCountExceeded", description), now)
        elif _expired(entry, now):  # its time may have passed while it was locked
            self._expire(entry.number, now)
        else:
            self._changed(entry)
            if entry.state == State.ACTIVE:
                self._offer(entry, now)

    def _rewritten(self, entry: Entry, changes: Mapping[str, Any]) -> Entry:
        if changes:
            entry.message = entry.message.with_application_properties(dict(changes))
            self._store.delete(entry.row_id)
            encoded = entry.message.encoded()
            entry.row_id = self._store.insert(self.name, entry.number, entry.source_number, encoded, entry.progress())
        return entry

    def _expire(self, number: int, now: int) -> None:
        entry = self._entries.get(number)
        if entry is None or entry.token is not None or entry.state == State.DEFERRED:
            return
        if self.settings.dead_letter_expired:
            self._bury(entry, _reason("TTLExpiredException", "The message expired and was dead lettered."), now)
        else:
            self._remove(entry)

    def _bury(self, entry: Entry, changes: Mapping[str, Any], now: int) -> None:
        self._remove(entry)
        if self.dead_letters is not None:
            self.dead_letters.adopt(entry, entry.message.with_application_properties(dict(changes)), now)


def _expired(entry: Entry, now: int) -> bool:
    return entry.state == State.ACTIVE and entry.expires is not None and entry.expires <= now


def _reason(reason: str, description: str) -> dict[str, str]:
    return {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
