"""A link on which the client receives: credit, drain, settlement. To the broker it is a consumer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from local.servicebus.amqp.frames import Frame
from local.servicebus.amqp.values import Described, Symbol, Ulong
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.protocol.outcomes import ACCEPTED, DEAD_LETTERED, Outcome, no_transactions, rejected
from local.servicebus.protocol.termini import ADDRESS, attach_reply, described_field

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
        self.target = described_field(frame.target, ADDRESS)
        self.frame = frame
        self.queue = queue
        self.waiting = False  # for a session, its attach not yet answered
        self.locks = frame.snd_settle_mode != 1
        self.credit = 0
        self.delivery_count = 0
        self._session = session
        self._answers: deque[bytes] = deque()

    def _now(self) -> int:
        return self._session.connection.server.now()

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

    def settle(self, token: bytes, state: Any) -> Described:
        """Do what the receiver decided; the outcome to confirm it with."""
        assert self.queue is not None
        try:
            return self._settle(self.queue, token, state)
        except Refused as refusal:
            return rejected(refusal)

    def _settle(self, queue: Queue, token: bytes, state: Any) -> Described:
        match state.descriptor if isinstance(state, Described) else Outcome.ACCEPTED:
            case Outcome.ACCEPTED:
                queue.complete(token, self._now())
                return ACCEPTED
            case Outcome.REJECTED:
                info = described_field(described_field(state, 0), 2)
                queue.dead_letter(token, self._now(), _given(info))
                return DEAD_LETTERED
            case Outcome.RELEASED:
                queue.release(token, self._now())
            case Outcome.MODIFIED:
                undeliverable_here, changes = described_field(state, 1), _given(described_field(state, 2))
                (queue.defer if undeliverable_here is True else queue.abandon)(token, self._now(), changes)
            case _:
                raise no_transactions()
        return Described(Ulong(state.descriptor), state.value)

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
        properties = {_LOCKED_UNTIL: until * 10_000 + _TICKS_1970}
        self._session.send(attach_reply(self.frame, session_id, properties))

    def lost(self, why: Refused) -> None:
        """Detach, or refuse to attach."""
        self._session.remove(self)
        if self.waiting:
            self._session.refuse(self.frame, why)
        else:
            self._session.detach(self.handle, why)

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


def _given(changes: Any) -> dict[str, Any]:
    """The entries of a map that have a value, under plain names."""
    if not isinstance(changes, dict | None):
        raise Refused(Condition.INVALID_FIELD, "Properties to modify are a map.")
    return {str(key): value for key, value in (changes or {}).items() if value is not None}
