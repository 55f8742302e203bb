"""A queue with sessions: one receiver at a time for each session id, under a lock of the session as a whole."""

from collections.abc import Sequence
from functools import partial

from local.servicebus.broker.agenda import Agenda, Timer
from local.servicebus.broker.entity import Entry
from local.servicebus.broker.queue import Consumer, HandedOut, Lane, Queue, Settlement
from local.servicebus.config import MILLISECOND, QueueRules
from local.servicebus.refused import Refused
from local.servicebus.store import Store

ACCEPT_TIMEOUT = 60_000  # ms that a receiver waits for the next session when it does not say


class SessionQueue(Queue):
    """A queue whose messages all belong to sessions."""

    _lost = "com.microsoft:session-lock-lost"

    def __init__(self, name: str, rules: QueueRules, store: Store, agenda: Agenda, dead_letters: Queue) -> None:
        super().__init__(name, rules, store, agenda, dead_letters)
        self._sessions: dict[str, Lane] = {}  # with messages in line or an owner, the longest free first
        self._waiting: dict[Consumer, Timer] = {}  # for any session, the longest wait first
        self._states: dict[str, bytes | None] = store.kept(name.lower(), "state")

    def accept(self, consumer: Consumer, session_id: str | None, timeout: int | None, now: int) -> None:
        """Grant a session, None for the next that has messages, now or within `timeout` ms."""
        if session_id is None:
            deadline = now + (ACCEPT_TIMEOUT if timeout is None else timeout)
            self._waiting[consumer] = self._agenda.at(deadline, partial(self._waited, consumer))
            for lane in list(self._sessions.values()):
                if consumer in self._waiting:
                    self._deliver(lane, now)
        elif (lane := self._lane_of(session_id)).consumers:
            why = f"Another receiver of '{self.name}' holds the session '{session_id}'."
            raise Refused("com.microsoft:session-cannot-be-locked", why)
        else:
            self._grant(lane, consumer, now)

    def detach(self, consumer: Consumer, now: int) -> None:
        """A receiver goes: its wait ends, or its session is free at once and what it held is not counted."""
        self._agenda.cancel(self._waiting.pop(consumer, None))
        if consumer in self._lanes:
            self._set_free(self._lanes[consumer], Settlement.RELEASE, now)

    def held(self, session_id: str | None, link: str | None = None) -> Lane:
        """A session that someone holds, over the link of that name if one is given. Raises Refused."""
        lane = self._sessions.get(session_id or "")
        if lane is None or not lane.consumers or link not in (None, lane.consumers[0].name):
            raise self._lock_lost()
        return lane

    def renew_session(self, session_id: str, link: str | None, now: int) -> int:
        """Hold a session for another lock duration; the answer is until when."""
        lane = self.held(session_id, link)
        self._agenda.cancel(lane.timer)
        lane.until = now + self._rules.lock_duration // MILLISECOND
        lane.timer = self._agenda.at(lane.until, partial(self._session_expired, lane))
        return lane.until

    def state(self, session_id: str, link: str | None) -> bytes | None:
        """What was kept in a session that is held."""
        return self._states.get(self.held(session_id, link).session_id)

    def set_state(self, session_id: str, link: str | None, state: bytes | None) -> None:
        """Keep something in a session that is held; None deletes it."""
        self._states[self.held(session_id, link).session_id] = state
        self._put("state", session_id, None if state is None else lambda: state)

    def receive_deferred(self, numbers: Sequence[int], locks: bool, session_id: str | None, now: int) -> HandedOut:
        """Hand out deferred messages of a session that is held."""
        return super().receive_deferred(numbers, locks, self.held(session_id).session_id, now)

    def _lane_of(self, session_id: str | None) -> Lane:
        return self._sessions.setdefault(session_id or "", Lane(session_id or ""))

    def _deliver(self, lane: Lane, now: int) -> None:
        """Deliver to the session's owner; a session that has none goes to whoever waits for any."""
        if lane.consumers:
            super()._deliver(lane, now)
        elif lane.first(self._entries) is None:
            del self._sessions[lane.session_id]
        elif self._waiting:
            consumer = next(iter(self._waiting))
            self._agenda.cancel(self._waiting.pop(consumer))
            self._grant(lane, consumer, now)

    def _lock(self, entry: Entry, now: int) -> int:
        return self._lane_of(entry.message.session_id).until

    def _grant(self, lane: Lane, consumer: Consumer, now: int) -> None:
        lane.consumers.append(consumer)
        self._lanes[consumer] = lane
        consumer.granted(lane.session_id, self.renew_session(lane.session_id, None, now))
        self._deliver(lane, now)

    def _waited(self, consumer: Consumer, now: int) -> None:
        del self._waiting[consumer]
        consumer.lost(Refused("com.microsoft:timeout", f"No session of '{self.name}' had a message in the time given."))

    def _session_expired(self, lane: Lane, now: int) -> None:
        owner = lane.consumers[0]
        self._set_free(lane, Settlement.ABANDON, now)
        owner.lost(self._lock_lost())

    def _set_free(self, lane: Lane, decision: Settlement, now: int) -> None:
        """Give back what the owner of a session holds, then the session."""
        self._agenda.cancel(lane.timer)
        lane.consumers[0].credit = 0  # while its messages go back in line, it does not get them again
        held = [token for token, entry in self._locked.items() if entry.message.session_id == lane.session_id]
        for token in held:
            self.settle(token, decision, now)
        del self._lanes[lane.consumers.pop()]
        self._sessions[lane.session_id] = self._sessions.pop(lane.session_id)
        self._deliver(lane, now)
