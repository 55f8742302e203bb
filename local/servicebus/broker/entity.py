"""What queues and topics share: taking messages in once, numbering, scheduling, peeking, storing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

from local.servicebus.amqp.codec import encode
from local.servicebus.amqp.message import MESSAGE_ID, Message, parse_message
from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.store import Row, Store


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
    row_id: int = 0
    timer: Timer | None = None  # until it is due, then until it expires
    token: bytes | None = None  # of the lock that holds it
    lock: Timer | None = None  # until that lock expires, unless it is a session's


class Entity(ABC):
    """A place that messages are sent to.

    Duplicates are detected within `window` ms from the first message of an id, whatever follows; None detects none.
    """

    def __init__(self, name: str, window: int | None, store: Store, agenda: Agenda) -> None:
        self.name = name
        self._store = store
        self._agenda = agenda
        self._window = window
        self._seen = {id_: until for _, id_, until in store.rows("duplicate", name)}  # until when, the oldest first
        self._entries: dict[int, Entry] = {}  # by number, ascending
        self._last_number = next((last for _, last in store.rows("number", name)), 0)

    @abstractmethod
    def check(self, message: Message) -> None:
        """Raise Refused if the entity cannot take this message."""

    @abstractmethod
    def appear(self, entry: Entry, now: int) -> None:
        """A message comes in or, scheduled until now, is due."""

    def restore(self, entry: Entry, now: int) -> None:
        """Take back a stored message that is not scheduled."""
        self.appear(entry, now)

    def send(self, messages: Sequence[Message], now: int) -> None:
        """Take all messages or, raising Refused, none. Those seen before are accepted and dropped."""
        for message in self._checked(messages):
            if self._first(message, now):
                if (message.scheduled_time or 0) > now:
                    self._hold(message, now)
                else:
                    self.appear(Entry(self.next_number(), message, now), now)

    def schedule(self, messages: Sequence[Message], now: int) -> list[int]:
        """Take messages that carry their time; the answer is a number for each, by which it can be cancelled."""
        checked = self._checked(messages)
        return [self._hold(m, now) if self._first(m, now) else self.next_number() for m in checked]

    def cancel(self, numbers: Sequence[int]) -> None:
        """Withdraw scheduled messages, all or, raising Refused, none."""
        for entry in self._find(numbers, State.SCHEDULED):
            self._remove(entry)

    def peek(self, start: int, session_id: str | None = None) -> Iterator[Entry]:
        """Messages from number `start` on, in whatever state, locked or not, of one session or of all."""
        for entry in self._entries.values():
            if entry.number >= start and session_id in (None, entry.message.session_id):
                yield entry

    def load(self, row: Row) -> None:
        """Take over a stored message, without acting on it yet."""
        row_id, _, number, source_number, message, state, delivery_count, delivered, enqueued, expires = row
        entry = Entry(number, parse_message(message), enqueued, source_number, State(state), delivery_count)
        entry.delivered, entry.expires, entry.row_id = bool(delivered), expires, row_id
        self._place(entry)

    def start(self, now: int) -> None:
        """Go on with the messages that were loaded."""
        for entry in list(self._entries.values()):
            if entry.state == State.SCHEDULED:
                entry.timer = self._agenda.at(entry.enqueued, partial(self.appear, entry))
            else:
                self.restore(entry, now)

    def next_number(self) -> int:
        """A sequence number that was never used and never will be again."""
        self._last_number += 1
        self._store.put("number", self.name, columns=lambda: (self._last_number,))
        return self._last_number

    def _checked(self, messages: Sequence[Message]) -> list[Message]:
        for message in messages:
            self.check(message)
        return [message.with_message_id() for message in messages]

    def _first(self, message: Message, now: int) -> bool:
        """Note a message's id. False if one with that id, of that AMQP type, came within the window."""
        if self._window is None:
            return True
        while self._seen and self._seen[oldest := next(iter(self._seen))] <= now:
            del self._seen[oldest]
            self._store.drop("duplicate", self.name, oldest)
        key, until = encode(message.properties[MESSAGE_ID]), now + self._window
        if key in self._seen:
            return False
        self._seen[key] = until
        self._store.put("duplicate", self.name, key, columns=lambda: (until,))
        return True

    def _hold(self, message: Message, now: int) -> int:
        due = max(message.scheduled_time or now, now)
        entry = Entry(self.next_number(), message, due, state=State.SCHEDULED)
        entry.timer = self._agenda.at(due, partial(self.appear, entry))
        self._save(entry)
        return entry.number

    def _find(self, numbers: Sequence[int], state: State, session_id: str | None = None) -> list[Entry]:
        """Messages of that state that nobody holds, all or, raising Refused, none."""
        entries = [self._entries[number] for number in numbers if number in self._entries]
        found = [entry for entry in entries if entry.state == state and entry.token is None]
        found = [entry for entry in found if session_id in (None, entry.message.session_id)]
        if len(found) < len(numbers):
            missing = f"'{self.name}' has no {state.name.lower()} message under some of the numbers {list(numbers)}."
            raise Refused(Condition.MESSAGE_NOT_FOUND, missing)
        return found

    def _place(self, entry: Entry) -> None:
        self._entries[entry.number] = entry

    def _save(self, entry: Entry) -> None:
        """Store a message as it is at the end of the turn, a new one or one that changed."""
        if entry.number not in self._entries:
            entry.row_id = self._store.new_id()
            self._place(entry)
        self._store.put("message", entry.row_id, columns=partial(self._columns, entry))

    def _columns(self, entry: Entry) -> tuple[Any, ...]:
        progress = (entry.state, entry.delivery_count, entry.delivered, entry.enqueued, entry.expires)
        return (self.name, entry.number, entry.source_number, entry.message.encoded(), *progress)

    def _remove(self, entry: Entry) -> None:
        self._agenda.cancel(entry.timer)
        self._store.drop("message", entry.row_id)
        del self._entries[entry.number]
