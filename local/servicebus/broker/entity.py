"""What queues and topics share: taking messages in once, numbering, scheduling, peeking, storing."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

import msgspec

from local.servicebus.amqp.codec import encode
from local.servicebus.amqp.message import MESSAGE_ID, Message, parse_message
from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.config import MILLISECOND, TopicRules
from local.servicebus.refused import Refused
from local.servicebus.store import Store

State = IntEnum("State", "ACTIVE DEFERRED SCHEDULED", start=0)  # as `x-opt-message-state` has it


@dataclass(slots=True, eq=False)
class Entry:
    """A message in an entity. `enqueued` is its due time while it is scheduled; times in ms since 1970."""

    number: int
    message: Message
    enqueued: int
    source_number: int | None = None  # in the topic that it came from, in the queue that it died in
    state: State = State.ACTIVE
    delivery_count: int = 0  # deliveries that failed
    expires: int | None = None
    token: bytes = b""  # of the lock that holds it
    lock: Timer | None = None  # until that lock expires, unless it is a session's
    timer: Timer | None = None  # until it is due, then until it expires


class Entity(ABC):
    """A place that messages are sent to."""

    def __init__(self, name: str, rules: TopicRules, store: Store, agenda: Agenda) -> None:
        self.name = name
        self._rules = rules
        self._agenda = agenda
        self._put = partial(store.put, name.lower())
        self._seen: dict[bytes, int] = store.kept(name.lower(), "seen")  # message ids, and until when
        self._last_number: int = store.kept(name.lower(), "number").get("last", 0)
        self._entries: dict[int, Entry] = {}  # by number, ascending
        for number, kept in store.kept(name.lower(), "message").items():
            message, *progress, locked = msgspec.msgpack.decode(kept)
            entry = self._entries[number] = Entry(number, parse_message(message), *progress)
            entry.token = b"lost" if locked else b""
            due, action = (entry.enqueued, self.appear) if entry.state == State.SCHEDULED else (0, self.restore)
            entry.timer = agenda.at(due, partial(action, entry))

    @abstractmethod
    def check(self, message: Message) -> None:
        """Raise Refused if the entity cannot take this message."""

    @abstractmethod
    def appear(self, entry: Entry, now: int) -> None:
        """A message comes in or, scheduled until now, is due."""

    def restore(self, entry: Entry, now: int) -> None:
        """Go on with a stored message that is not scheduled."""
        self.appear(entry, now)

    def send(self, messages: Sequence[Message], now: int) -> list[int]:
        """Take all messages or, raising Refused, none; their numbers, 0 for those that came before and are dropped."""
        for message in messages:
            self.check(message)
        return [self._take(message.with_message_id(), now) for message in messages]

    def cancel(self, numbers: Sequence[int]) -> None:
        """Withdraw scheduled messages, all or, raising Refused, none."""
        for entry in self._find(numbers, State.SCHEDULED):
            self._remove(entry)

    def peek(self, start: int, session_id: str | None = None) -> Iterator[Entry]:
        """Messages from number `start` on, in whatever state, locked or not, of one session or of all."""
        for entry in self._entries.values():
            if entry.number >= start and session_id in (None, entry.message.session_id):
                yield entry

    def next_number(self) -> int:
        """A sequence number that was never used and never will be again."""
        self._last_number += 1
        self._put("number", "last", lambda: self._last_number)
        return self._last_number

    def _take(self, message: Message, now: int) -> int:
        if self._seen_before(message, now):
            return 0
        entry = Entry(self.next_number(), message, max(int(message.scheduled_time or now), now))
        if entry.enqueued > now:
            entry.state = State.SCHEDULED
            entry.timer = self._agenda.at(entry.enqueued, partial(self.appear, entry))
            self._save(entry)
        else:
            self.appear(entry, now)
        return entry.number

    def _seen_before(self, message: Message, now: int) -> bool:
        """Whether a message with this id, of this AMQP type, came within the window; if not, this is the first."""
        if not self._rules.requires_duplicate_detection:
            return False
        while self._seen and self._seen[oldest := next(iter(self._seen))] <= now:
            del self._seen[oldest]
            self._put("seen", oldest, None)
        key = encode(message.properties[MESSAGE_ID])
        if self._seen.get(key, now) > now:
            return True
        until = self._seen[key] = now + self._rules.duplicate_detection_history_time_window // MILLISECOND
        self._put("seen", key, lambda: until)
        return False

    def _find(self, numbers: Sequence[int], state: State, session_id: str | None = None) -> list[Entry]:
        """Messages of that state that nobody holds, all or, raising Refused, none."""
        entries = [self._entries[number] for number in dict.fromkeys(numbers) if number in self._entries]
        found = [entry for entry in entries if entry.state == state and not entry.token]
        found = [entry for entry in found if session_id in (None, entry.message.session_id)]
        if len(found) < len(set(numbers)):
            missing = f"'{self.name}' has no {state.name.lower()} message under some of the numbers {list(numbers)}."
            raise Refused("com.microsoft:message-not-found", missing)
        return found

    def _save(self, entry: Entry) -> None:
        """Store a message as it is at the end of the turn, a new one or one that changed."""
        self._entries[entry.number] = entry
        self._put("message", entry.number, lambda: msgspec.msgpack.encode((
            entry.message.encoded(), entry.enqueued, entry.source_number, entry.state, entry.delivery_count,
            entry.expires, bool(entry.token),
        )))  # fmt: skip

    def _remove(self, entry: Entry) -> None:
        self._agenda.cancel(entry.timer)
        self._put("message", entry.number, None)
        del self._entries[entry.number]
