"""Links: on one kind the client sends, with credit and acceptance, on the other it receives and settles."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from local.servicebus.amqp.frames import Frame, amqp_error, settlement
from local.servicebus.amqp.message import Message, parse_delivery
from local.servicebus.amqp.values import DecodeError, Described, Symbol, Ulong
from local.servicebus.broker.queue import Queue, Settlement
from local.servicebus.broker.refused import Condition, Refused

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

CREDIT = 1000
MAX_MESSAGE_SIZE = 1_048_576
_LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
_TICKS_1970 = 621_355_968_000_000_000  # .NET ticks of 100 ns since the year 1

type Intake = Callable[[list[Message]], None]


class Outcome(IntEnum):
    """Descriptors of delivery states."""

    ACCEPTED = 0x24
    REJECTED = 0x25
    RELEASED = 0x26
    MODIFIED = 0x27
    TRANSACTIONAL = 0x34


ACCEPTED = Described(Ulong(Outcome.ACCEPTED), [])


class IncomingLink:
    """Gives the messages of each delivery to `intake`, which raises Refused if it takes none of them."""

    def __init__(self, session: ProtocolSession, frame: Frame, intake: Intake) -> None:
        self.handle = frame.handle
        self.delivery_count = frame.initial_delivery_count or 0
        self.credit = CREDIT
        self._session = session
        self._intake = intake
        self._first: Frame | None = None  # of a delivery that is under way; id and format are sure on it alone
        self._settled = False
        self._payload = b""  # of that delivery; what is over the limit is counted, not kept
        self._size = 0

    def receive(self, frame: Frame, payload: bytes) -> None:
        """One frame of a delivery."""
        if self._first is None:
            self._first, self._settled, self._payload, self._size = frame, False, b"", 0
        self._settled |= bool(frame.settled)
        self._size += len(payload)
        if self._size <= MAX_MESSAGE_SIZE:
            self._payload += payload
        if not frame.more or frame.aborted:
            first, self._first = self._first, None
            if not frame.aborted:
                self._delivered(first)

    def _delivered(self, first: Frame) -> None:
        if first.delivery_id is None:
            raise DecodeError("a delivery without an id")
        try:
            self._take(first)
            state = ACCEPTED
        except Refused as refusal:
            state = rejected(refusal)
        except DecodeError as error:
            state = rejected(Refused(Condition.DECODE_ERROR, f"The message cannot be read: {error}."))
        if not self._settled:
            self._session.send(settlement(True, first.delivery_id, state))
        self.delivery_count += 1
        self.credit -= 1
        if self.credit < CREDIT // 2:
            self.credit = CREDIT
            self._session.send_flow(self)

    def _take(self, first: Frame) -> None:
        if self._size > MAX_MESSAGE_SIZE:
            size = f"The message has {self._size:,} bytes, more than the {MAX_MESSAGE_SIZE:,} allowed."
            raise Refused(Condition.SIZE_EXCEEDED, size)
        if first.state is not None and first.state.descriptor == Outcome.TRANSACTIONAL:
            raise no_transactions()
        self._intake(parse_delivery(self._payload, first.message_format or 0))


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


def rejected(refusal: Refused) -> Described:
    """A delivery, or a settlement, was not taken."""
    return Described(Ulong(Outcome.REJECTED), [amqp_error(refusal.condition, refusal.description)])


def no_transactions() -> Refused:
    """Whatever belongs to a transaction is refused."""
    return Refused(Condition.NOT_IMPLEMENTED, "Transactions are not supported by the local Service Bus.")


def decided(state: Described) -> tuple[Settlement, Mapping[str, Any], Described]:
    """What a receiver decided, the properties that it sets, and the outcome that confirms it. Raises Refused."""
    match state.descriptor:
        case Outcome.ACCEPTED:
            return Settlement.COMPLETE, {}, ACCEPTED
        case Outcome.RELEASED:
            return Settlement.RELEASE, {}, state
        case Outcome.MODIFIED:
            decision = Settlement.DEFER if state.field(1) is True else Settlement.ABANDON
            return decision, _given(state.field(2)), state
        case Outcome.REJECTED:  # confirmed without the error, which would mean that this failed
            error = state.field(0)
            info = error.field(2) if isinstance(error, Described) else None
            return Settlement.DEAD_LETTER, _given(info), Described(Ulong(Outcome.REJECTED), [None])
    raise no_transactions()


def _given(changes: Any) -> dict[str, Any]:
    """The entries of a map that have a value, under plain names."""
    if not isinstance(changes, dict | None):
        raise Refused(Condition.INVALID_FIELD, "Properties to modify are a map.")
    return {str(key): value for key, value in (changes or {}).items() if value is not None}
