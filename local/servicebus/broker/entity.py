"""What queues and topics share: taking messages in, numbering, scheduling, duplicate detection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from local.servicebus.amqp.message import Message, parse_message
from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.broker.duplicates import Duplicates
from local.servicebus.broker.refused import MESSAGE_NOT_FOUND, Refused
from local.servicebus.store import Progress, Store


class State(IntEnum):
    """A message's state, as `x-opt-message-state` has it."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(slots=True, eq=False)
class Entry:
    """A message in an entity. `enqueued` is the due time while it is scheduled; times in ms since 1970."""

    number: int
    message: Message
    source_number: int | None
    enqueued: int
    expires: int | None = None
    state: State = State.ACTIVE
    delivery_count: int = 0
    token: bytes | None = None  # of the lock that holds it
    delivered: bool = False
    timer: Timer | None = None  # until it is due, then until it expires
    row_id: int = 0

    def progress(self) -> Progress:
        """What the store keeps of it besides the message itself."""
        return Progress(self.state, self.delivery_count, self.delivered, self.enqueued, self.expires)


class Entity(ABC):
    """A place that messages are sent to."""

    def __init__(self, name: str, window: int | None, store: Store, agenda: Agenda) -> None:
        self.name = name
        self._store = store
        self._agenda = agenda
        self._duplicates = Duplicates(name, window, store) if window else None
        self._entries: dict[int, Entry] = {}
        self._numbers: list[int] = []  # ascending; may hold numbers that are gone
        self._last_number = store.last_number(name)

    @abstractmethod
    def check(self, message: Message) -> None:
        """Raise Refused if the entity cannot take this message."""

    @abstractmethod
    def arrive(self, message: Message, now: int) -> None:
        """A message becomes visible."""

    @abstractmethod
    def due(self, number: int, now: int) -> None:
        """A scheduled message's time has come."""

    @abstractmethod
    def restore(self, entry: Entry, now: int) -> None:
        """Take back a stored message that is not scheduled."""

    def send(self, messages: Sequence[Message], now: int) -> None:
        """Take all messages or, raising Refused, none. Those seen before are accepted and dropped."""
        for message in messages:
            self.check(message)
        for message in map(Message.with_message_id, messages):
            if self._duplicates is None or self._duplicates.first(message, now):
                due = message.scheduled_time
                if due is not None and due > now:
                    self._hold(message, due)
                else:
                    self.arrive(message, now)

    def schedule(self, messages: Sequence[Message], now: int) -> list[int]:
        """Take messages that carry their time; the answer is a number for each, by which it can be cancelled."""
        for message in messages:
            self.check(message)
        numbers = []
        for message in map(Message.with_message_id, messages):
            if self._duplicates is None or self._duplicates.first(message, now):
                numbers.append(self._hold(message, max(message.scheduled_time or now, now)).number)
            else:
                numbers.append(self._next_number())
        return numbers

    def cancel(self, numbers: Sequence[int]) -> None:
        """Withdraw scheduled messages, all or, raising Refused, none."""
        found = [self._entries.get(number) for number in numbers]
        if missing := [n for n, e in zip(numbers, found, strict=True) if e is None or e.state != State.SCHEDULED]:
            raise Refused(MESSAGE_NOT_FOUND, f"'{self.name}' has no scheduled message with the numbers {missing}.")
        for entry in found:
            if entry is not None:
                self._remove(entry)

    def peek(self, start: int, count: int, session_id: str | None = None) -> list[Entry]:
        """Up to `count` messages from number `start` on, in whatever state, none of them locked by it."""
        found: list[Entry] = []
        for entry in self._from(start):
            if len(found) == count:
                break
            if session_id is None or entry.message.session_id == session_id:
                found.append(entry)
        return found

    def load(self, now: int) -> None:
        """Take back what the store kept."""
        for row in self._store.messages(self.name):
            state, delivery_count, delivered, enqueued, expires = row.progress
            entry = Entry(row.number, parse_message(row.message), row.source_number, enqueued, expires, State(state))
            entry.delivery_count, entry.delivered, entry.row_id = delivery_count, bool(delivered), row.id
            self._place(entry)
            if entry.state == State.SCHEDULED:
                entry.timer = self._agenda.at(enqueued, partial(self.due, entry.number))
            else:
                self.restore(entry, now)

    def _hold(self, message: Message, due: int) -> Entry:
        entry = self._add(Entry(self._next_number(), message, None, due, state=State.SCHEDULED))
        entry.timer = self._agenda.at(due, partial(self.due, entry.number))
        return entry

    def _next_number(self) -> int:
        self._last_number += 1
        self._store.number(self.name, self._last_number)
        return self._last_number

    def _add(self, entry: Entry) -> Entry:
        encoded = entry.message.encoded()
        entry.row_id = self._store.insert(self.name, entry.number, entry.source_number, encoded, entry.progress())
        self._place(entry)
        return entry

    def _place(self, entry: Entry) -> None:
        self._entries[entry.number] = entry
        self._numbers.append(entry.number)

    def _remove(self, entry: Entry) -> None:
        self._agenda.cancel(entry.timer)
        self._store.delete(entry.row_id)
        del self._entries[entry.number]
        if len(self._numbers) > 2 * len(self._entries) + 100:
            self._numbers = list(self._entries)

    def _changed(self, entry: Entry) -> None:
        self._store.update(entry.row_id, entry.progress())

    def _from(self, start: int) -> Iterator[Entry]:
        for position in range(bisect_left(self._numbers, start), len(self._numbers)):
            entry = self._entries.get(self._numbers[position])
            if entry is not None:
                yield entry
