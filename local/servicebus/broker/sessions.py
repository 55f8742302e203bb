"""A queue with sessions: one receiver at a time for each session id, under a lock of the session as a whole."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial

from local.servicebus.amqp.message import Message
from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.broker.entity import Entry
from local.servicebus.broker.lane import Consumer, Lane
from local.servicebus.broker.queue import Queue, Settlement
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.config import SubscriptionProperties
from local.servicebus.store import Store

ACCEPT_TIMEOUT = 60_000
"""How long a receiver waits for the next session when it does not say, in ms."""


class Session(Lane):
    """The messages of one session in line, and its owner, for whom it is locked `until` a time in ms since 1970."""

    def __init__(self, session_id: str) -> None:
        super().__init__()
        self.id = session_id
        self.until = 0
        self.timer: Timer | None = None

    @property
    def owner(self) -> Consumer | None:
        """Whoever holds the session's lock."""
        return self.consumers[0] if self.consumers else None


class SessionQueue(Queue):
    """A queue whose messages all belong to sessions."""

    def __init__(
        self, name: str, rules: SubscriptionProperties, store: Store, agenda: Agenda, dead_letters: Queue | None = None
    ) -> None:
        super().__init__(name, rules, store, agenda, dead_letters)
        self._sessions: dict[str, Session] = {}  # with messages in line or an owner, the longest free first
        self._owned: dict[Consumer, Session] = {}
        self._waiting: dict[Consumer, Timer] = {}  # for any session, the longest wait first
        self._states = {id_: (state, changed) for _, id_, state, changed in store.rows("session", name)}

    # Who holds a session

    def accept(self, consumer: Consumer, session_id: str | None, timeout: int | None, now: int) -> None:
        """Grant a session, None for the next that has messages, now or within `timeout` ms."""
        session = self._next_free() if session_id is None else self._session(session_id)
        if session is None:
            deadline = now + (ACCEPT_TIMEOUT if timeout is None else timeout)
            self._waiting[consumer] = self._agenda.at(deadline, partial(self._waited, consumer))
        elif session.owner is None:
            self._grant(session, consumer, now)
        else:
            why = f"Another receiver of '{self.name}' holds the session '{session_id}'."
            raise Refused(Condition.SESSION_CANNOT_BE_LOCKED, why)

    def detach(self, consumer: Consumer, now: int) -> None:
        """A receiver goes: its wait ends, or its session is free at once and what it held is not counted."""
        self._agenda.cancel(self._waiting.pop(consumer, None))
        if consumer in self._owned:
            self._set_free(self._owned[consumer], Settlement.RELEASE, now)

    def pump(self, consumer: Consumer, now: int) -> None:
        """A receiver has new credit."""
        if consumer in self._owned:
            self._deliver(self._owned[consumer], now)

    def held(self, session_id: str | None, link: str | None = None) -> Session:
        """A session that someone holds, over the link of that name if one is given. Raises Refused."""
        session = self._sessions.get(session_id or "")
        if session is None or session.owner is None or link not in (None, session.owner.name):
            raise self._lock_lost()
        return session

    def renew_session(self, session_id: str, link: str | None, now: int) -> int:
        """Hold a session for another lock duration; the answer is until when."""
        session = self.held(session_id, link)
        self._agenda.cancel(session.timer)
        session.until = now + self._rules.lock_duration
        session.timer = self._agenda.at(session.until, partial(self._session_expired, session))
        return session.until

    def _session(self, session_id: str) -> Session:
        if session_id not in self._sessions:
            self._sessions[session_id] = Session(session_id)
        return self._sessions[session_id]

    def _next_free(self) -> Session | None:
        for session in list(self._sessions.values()):
            if session.owner is None:
                if session.first(self._entries) is not None:
                    return session
                del self._sessions[session.id]  # its messages are gone
        return None

    def _grant(self, session: Session, consumer: Consumer, now: int) -> None:
        session.consumers.append(consumer)
        self._owned[consumer] = session
        consumer.granted(session.id, self.renew_session(session.id, None, now))
        self._deliver(session, now)

    def _waited(self, consumer: Consumer, now: int) -> None:
        del self._waiting[consumer]
        consumer.lost(Refused(Condition.TIMEOUT, f"No session of '{self.name}' had a message in the time given."))

    def _session_expired(self, session: Session, now: int) -> None:
        owner = session.owner
        self._set_free(session, Settlement.ABANDON, now)
        if owner is not None:
            owner.lost(self._lock_lost())

    def _set_free(self, session: Session, decision: Settlement, now: int) -> None:
        self._agenda.cancel(session.timer)
        del self._owned[session.consumers.popleft()]
        self._sessions[session.id] = self._sessions.pop(session.id)
        waiting, self._waiting = self._waiting, {}  # nobody gets the session before all its messages are in line again
        for token in [token for token, entry in self._locked.items() if self._lane_of(entry) is session]:
            self.settle(token, decision, now)
        self._waiting = waiting
        self._deliver(session, now)
        if session.owner is None and session.first(self._entries) is None:
            del self._sessions[session.id]

    def _lock_lost(self) -> Refused:
        why = f"The lock on the session of '{self.name}' expired; accept the session again."
        return Refused(Condition.SESSION_LOCK_LOST, why)

    # What receivers keep in a session

    def state(self, session_id: str, link: str | None) -> bytes | None:
        """The state of a session that is held."""
        return self._states.get(self.held(session_id, link).id, (None,))[0]

    def set_state(self, session_id: str, link: str | None, state: bytes | None, now: int) -> None:
        """Set the state of a session that is held; None deletes it."""
        self.held(session_id, link)
        if state is None:
            self._states.pop(session_id, None)
            self._store.drop("session", self.name, session_id)
        else:
            self._states[session_id] = (state, now)
            self._store.put("session", self.name, session_id, columns=lambda: (state, now))

    def session_ids(self, changed_after: int | None) -> list[str]:
        """Sessions whose state was set after a time or, with None, all that have messages or state."""
        if changed_after is None:
            return sorted({entry.message.session_id or "" for entry in self._entries.values()} | set(self._states))
        return sorted(id_ for id_, (_, changed) in self._states.items() if changed > changed_after)

    # What sessions change in a queue

    def check(self, message: Message) -> None:
        """Refuse a message without a session id."""
        if message.session_id is None:
            why = f"'{self.name}' requires sessions: a message needs a session id (group-id)."
            raise Refused(Condition.NOT_ALLOWED, why)

    def receive_deferred(
        self, numbers: Sequence[int], locks: bool, session_id: str | None, now: int
    ) -> list[tuple[uuid.UUID, bytes]]:
        """Hand out deferred messages of a session that is held."""
        return super().receive_deferred(numbers, locks, self.held(session_id).id, now)

    def renew(self, token: bytes, now: int) -> int:
        """Refused: the session's lock is the one to renew."""
        raise Refused(Condition.NOT_ALLOWED, f"'{self.name}' requires sessions: renew the session's lock instead.")

    def _lane_of(self, entry: Entry) -> Session:
        return self._session(entry.message.session_id or "")

    def _deliver(self, lane: Lane, now: int) -> None:
        """Deliver to the session's owner; a session that has none goes to whoever waits for any."""
        if isinstance(lane, Session) and lane.owner is None and self._waiting and lane.first(self._entries):
            consumer = next(iter(self._waiting))
            self._agenda.cancel(self._waiting.pop(consumer))
            self._grant(lane, consumer, now)
        else:
            super()._deliver(lane, now)

    def _lock(self, token: bytes, now: int) -> int:
        return self._lane_of(self._locked[token]).until
