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
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.store import Progress, Store


class State(IntEnum):
    """A message's state, as `x-opt-message-state` has it."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(slots=True, eq=False)
class Entry:
    """A message in an entity. `enqueued` is its due time while it is scheduled; times in ms since 1970."""

    number: int
    message: Message
    enqueued: int
    source_number: int | None = None  # in the topic that it came from, in the queue that it died in
    state: State = State.ACTIVE
    delivery_count: int = 0  # deliveries that failed
    delivered: bool = False  # with a client now, as far as the store knows
    expires: int | None = None
    token: bytes | None = None  # of the lock that holds it
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
        self._duplicates = Duplicates(name, window, store)
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
        for message in self._checked(messages):
            if self._duplicates.first(message, now):
                if (message.scheduled_time or 0) > now:
                    self._hold(message, now)
                else:
                    self.arrive(message, now)

    def schedule(self, messages: Sequence[Message], now: int) -> list[int]:
        """Take messages that carry their time; the answer is a number for each, by which it can be cancelled."""
        checked = self._checked(messages)
        return [self._hold(m, now) if self._duplicates.first(m, now) else self._next_number() for m in checked]

    def cancel(self, numbers: Sequence[int]) -> None:
        """Withdraw scheduled messages, all or, raising Refused, none."""
        found = [self._entries[number] for number in numbers if number in self._entries]
        if len(found) < len(numbers) or any(entry.state != State.SCHEDULED for entry in found):
            missing = f"'{self.name}' has no scheduled message under some of the numbers {list(numbers)}."
            raise Refused(Condition.MESSAGE_NOT_FOUND, missing)
        for entry in found:
            self._remove(entry)

    def peek(self, start: int, session_id: str | None = None) -> Iterator[Entry]:
        """Messages from number `start` on, in whatever state, locked or not, of one session or of all."""
        for position in range(bisect_left(self._numbers, start), len(self._numbers)):
            entry = self._entries.get(self._numbers[position])
            if entry is not None and (session_id is None or entry.message.session_id == session_id):
                yield entry

    def load(self, now: int) -> None:
        """Take back what the store kept."""
        for row in self._store.messages(self.name):
            progress = row.progress
            entry = Entry(row.number, parse_message(row.message), progress.enqueued, row.source_number)
            entry.state, entry.delivery_count = State(progress.state), progress.delivery_count
            entry.delivered, entry.expires, entry.row_id = bool(progress.delivered), progress.expires, row.id
            self._place(entry)
            if entry.state == State.SCHEDULED:
                entry.timer = self._agenda.at(entry.enqueued, partial(self.due, entry.number))
            else:
                self.restore(entry, now)

    def _checked(self, messages: Sequence[Message]) -> list[Message]:
        for message in messages:
            self.check(message)
        return [message.with_message_id() for message in messages]

    def _hold(self, message: Message, now: int) -> int:
        due = max(message.scheduled_time or now, now)
        entry = self._add(Entry(self._next_number(), message, due, state=State.SCHEDULED))
        entry.timer = self._agenda.at(due, partial(self.due, entry.number))
        return entry.number

    def _next_number(self) -> int:
        self._last_number += 1
        self._store.number(self.name, self._last_number)
        return self._last_number

    def _add(self, entry: Entry) -> Entry:
        self._insert(entry)
        self._place(entry)
        return entry

    def _insert(self, entry: Entry) -> None:
        encoded = entry.message.encoded()
        entry.row_id = self._store.insert(self.name, entry.number, entry.source_number, encoded, entry.progress())

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
