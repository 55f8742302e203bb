"""A link on which the client receives: credit, drain, settlement. To the broker it is a consumer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from local.servicebus.amqp.frames import Frame
from local.servicebus.amqp.values import Described, Symbol
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.refused import Refused
from local.servicebus.protocol.outcomes import ACCEPTED, decided, rejected

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

_LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
_TICKS_1970 = 621_355_968_000_000_000  # .NET ticks of 100 ns since the year 1


class OutgoingLink:
    """Deliveries to one receiver. Answers of request-response nodes go the same way, with no queue behind."""

    def __init__(self, session: ProtocolSession, frame: Frame, path: str, queue: Queue | None = None) -> None:
        self.handle = frame.handle
        self.name = frame.name
        self.path = path
        self.frame = frame
        self.queue = queue
        self.waiting = False  # for a session, its attach not yet answered
        self.locks = frame.snd_settle_mode != 1
        self.credit = 0
        self.delivery_count = 0
        self._session = session
        self._now = session.connection.server.now
        self._answers: deque[bytes] = deque()

    # What the client says

    def flow(self, frame: Frame) -> None:
        """New credit, a wish to drain, or a question."""
        if frame.link_credit is not None:
            self.credit = max((frame.delivery_count or 0) + frame.link_credit - self.delivery_count, 0)
        if self.queue is not None:
            self.queue.pump(self, self._now())
        self._send_answers()
        if frame.drain:
            self.delivery_count += self.credit
            self.credit = 0
        if frame.drain or frame.echo:
            self._session.send_flow(self, drain=bool(frame.drain))

    def settle(self, token: bytes, state: Described | None) -> Described:
        """Do what the receiver decided; the outcome to confirm it with."""
        assert self.queue is not None
        try:
            decision, changes, answer = decided(state or ACCEPTED)
            self.queue.settle(token, decision, self._now(), changes)
        except Refused as refusal:
            return rejected(refusal)
        return answer

    def closed(self) -> None:
        """The client does not receive any more."""
        if self.queue is not None:
            self.queue.detach(self, self._now())

    # What the broker says

    def deliver(self, token: bytes, payload: bytes) -> None:
        """Send a message."""
        self._send(token, payload, settled=not self.locks)

    def granted(self, session_id: str, until: int) -> None:
        """Answer the attach that waited for a session."""
        self.waiting = False
        self._session.accept(self.frame, session_id, {_LOCKED_UNTIL: until * 10_000 + _TICKS_1970})

    def lost(self, why: Refused) -> None:
        """Detach, or refuse to attach."""
        self._session.close(self, why)

    # What a request-response node says

    def answer(self, payload: bytes) -> None:
        """Send a response as soon as there is credit."""
        self._answers.append(payload)
        self._send_answers()

    def _send_answers(self) -> None:
        while self._answers and self.credit > 0:
            self._send(self.delivery_count.to_bytes(16), self._answers.popleft(), settled=True)

    def _send(self, tag: bytes, payload: bytes, settled: bool) -> None:
        self.credit -= 1
        self.delivery_count += 1
        self._session.send_delivery(self, tag, payload, settled)
