"""A queue with sessions: one receiver at a time for each session id, under a lock of the session as a whole."""

from __future__ import annotations

from functools import partial

from local.servicebus.amqp.message import Message
from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.broker.consumer import Consumer
from local.servicebus.broker.entity import Entry
from local.servicebus.broker.lane import Lane
from local.servicebus.broker.queue import Queue, QueueSettings
from local.servicebus.broker.refused import (
    NOT_ALLOWED,
    SESSION_CANNOT_BE_LOCKED,
    SESSION_LOCK_LOST,
    TIMEOUT,
    Refused,
)
from local.servicebus.store import Store

ACCEPT_TIMEOUT = 60_000
"""How long a receiver waits for the next session when it does not say, in ms."""


class Session(Lane):
    """One session: its messages in line, its owner, its state."""

    def __init__(self, session_id: str) -> None:
        super().__init__()
        self.id = session_id
        self.messages = 0  # in whatever state
        self.state: bytes | None = None
        self.changed = 0
        self.until = 0
        self.timer: Timer | None = None

    @property
    def owner(self) -> Consumer | None:
        """Whoever holds the session's lock."""
        return self.consumers[0] if self.consumers else None


class SessionQueue(Queue):
    """A queue whose messages all belong to sessions."""

    def __init__(
        self, name: str, settings: QueueSettings, store: Store, agenda: Agenda, dead_letters: Queue | None = None
    ) -> None:
        super().__init__(name, settings, store, agenda, dead_letters)
        self._sessions: dict[str, Session] = {}
        self._owned: dict[Consumer, Session] = {}
        self._free_sessions: dict[str, Session] = {}  # that have messages, the longest free first
        self._waiting: dict[Consumer, Timer] = {}  # for any session, the longest wait first
        for session_id, state, changed in store.sessions(name):
            session = self._session(session_id)
            session.state, session.changed = state, changed

    def check(self, message: Message) -> None:
        """Refuse a message without a session id."""
        if message.session_id is None:
            raise Refused(NOT_ALLOWED, f"'{self.name}' requires sessions: a message needs a session id (group-id).")

    # Who holds a session

    def accept(self, consumer: Consumer, session_id: str | None, timeout: int | None, now: int) -> None:
        """Grant a session, None for the next that has messages, now or within `timeout` ms."""
        if session_id is not None:
            session = self._session(session_id)
            if session.owner is not None:
                raise Refused(SESSION_CANNOT_BE_LOCKED, f"Another receiver of '{self.name}' holds '{session_id}'.")
            self._grant(session, consumer, now)
        else:
            deadline = now + (ACCEPT_TIMEOUT if timeout is None else timeout)
            self._waiting[consumer] = self._agenda.at(deadline, partial(self._waited, consumer))
            self._match(now)

    def detach(self, consumer: Consumer, now: int) -> None:
        """A receiver goes: its wait ends, or its session is free at once and what it held is not counted."""
        self._agenda.cancel(self._waiting.pop(consumer, None))
        session = self._owned.get(consumer)
        if session is not None:
            self._free(session, now, failed=False)

    def pump(self, consumer: Consumer, now: int) -> None:
        """A receiver has new credit."""
        if consumer in self._owned:
            self._deliver_ready(self._owned[consumer], now)

    def renew_session(self, session_id: str, link: str | None, now: int) -> int:
        """Hold a session for another lock duration; the answer is until when."""
        session = self.held(session_id, link)
        self._extend(session, now)
        return session.until

    def held(self, session_id: str | None, link: str | None = None) -> Session:
        """A session that someone holds, over the link of that name if one is given. Raises Refused."""
        session = self._sessions.get(session_id or "")
        if session is None or session.owner is None or (link is not None and session.owner.name != link):
            raise self._lock_lost()
        return session

    def _match(self, now: int) -> None:
        """Give sessions with messages and no owner to those who wait, in the order of both."""
        while self._waiting and self._free_sessions:
            session = self._free_sessions.pop(next(iter(self._free_sessions)))
            if session.owner is None and session.first(self._entries) is not None:
                consumer = next(iter(self._waiting))
                self._agenda.cancel(self._waiting.pop(consumer))
                self._grant(session, consumer, now)

    def _grant(self, session: Session, consumer: Consumer, now: int) -> None:
        self._free_sessions.pop(session.id, None)
        session.consumers.append(consumer)
        self._owned[consumer] = session
        self._extend(session, now)
        consumer.granted(session.id, session.until)
        self._deliver_ready(session, now)

    def _extend(self, session: Session, now: int) -> None:
        self._agenda.cancel(session.timer)
        session.until = now + self.settings.lock_duration
        session.timer = self._agenda.at(session.until, partial(self._session_expired, session))

    def _waited(self, consumer: Consumer, now: int) -> None:
        del self._waiting[consumer]
        consumer.lost(Refused(TIMEOUT, f"No session of '{self.name}' had a message in the time given."))

    def _session_expired(self, session: Session, now: int) -> None:
        owner = session.owner
        self._free(session, now, failed=True)
        if owner is not None:
            owner.lost(self._lock_lost())

    def _free(self, session: Session, now: int, failed: bool) -> None:
        self._agenda.cancel(session.timer)
        for token in [t for t, lock in self._locks.items() if self._lane_of(lock.entry) is session]:
            self._return(self._unlock(token), now, failed)  # before the owner goes: nobody else gets one in between
        del self._owned[session.consumers.popleft()]
        self._offer_session(session, now)
        self._tidy(session)

    def _offer_session(self, session: Session, now: int) -> None:
        if session.first(self._entries) is not None:
            self._free_sessions[session.id] = session
            self._match(now)

    # State

    def state(self, session_id: str, link: str | None) -> bytes | None:
        """What the session's receivers keep in it."""
        return self.held(session_id, link).state

    def set_state(self, session_id: str, link: str | None, state: bytes | None, now: int) -> None:
        """Keep up to one message's worth of bytes in the session; None deletes them."""
        session = self.held(session_id, link)
        session.state, session.changed = state, now
        self._store.session(self.name, session_id, state, now)

    def session_ids(self, changed_after: int | None, skip: int, top: int) -> list[str]:
        """Sessions whose state changed after a time in ms or, with None, all that have messages or state."""
        if changed_after is None:
            found = [s.id for s in self._sessions.values() if s.messages or s.state is not None]
        else:
            found = [s.id for s in self._sessions.values() if s.changed > changed_after]
        return sorted(found)[skip : skip + top]

    # What a session changes in a queue

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id)
        return session

    def _tidy(self, session: Session) -> None:
        if not session.messages and session.state is None and session.owner is None:
            self._sessions.pop(session.id, None)
            self._free_sessions.pop(session.id, None)

    def _lane_of(self, entry: Entry) -> Session:
        return self._session(entry.message.session_id or "")

    def _offer(self, entry: Entry, now: int) -> None:
        super()._offer(entry, now)
        session = self._lane_of(entry)
        if session.owner is None:
            self._offer_session(session, now)

    def _place(self, entry: Entry) -> None:
        super()._place(entry)
        self._lane_of(entry).messages += 1

    def _remove(self, entry: Entry) -> None:
        super()._remove(entry)
        session = self._lane_of(entry)
        session.messages -= 1
        self._tidy(session)

    def _lock(self, entry: Entry, now: int) -> tuple[int, Timer | None]:
        return self._lane_of(entry).until, None

    def _may_lock(self, session_id: str | None) -> None:
        self.held(session_id)

    def _lock_lost(self) -> Refused:
        return Refused(SESSION_LOCK_LOST, f"The lock on the session of '{self.name}' expired; accept it again.")

    def renew(self, token: bytes, now: int) -> int:
        """Refused: the session's lock is the one to renew."""
        raise Refused(NOT_ALLOWED, f"'{self.name}' requires sessions: renew the session's lock instead.")
