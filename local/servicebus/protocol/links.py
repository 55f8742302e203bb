"""Links to an entity, its `$management` or `$cbs`: on one kind the client sends, on the other it receives."""

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from local.servicebus.amqp.codec import Described, Symbol, Ulong, filled
from local.servicebus.amqp.frames import Frame, amqp_error, settlement
from local.servicebus.amqp.message import Message, parse_delivery
from local.servicebus.broker.entity import Entity
from local.servicebus.broker.queue import Queue, Settlement
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.protocol.nodes import covered, entity_path, manage, put_token
from local.servicebus.refused import Refused

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession
    from local.servicebus.server import Server

CREDIT = 1000  # for each link on which the client sends; it gets that much again well before it ran out
MAX_MESSAGE_SIZE = 1_048_576
ADDRESS, FILTER = 0, 7  # positions in a source or target
Outcome = IntEnum("Outcome", "ACCEPTED REJECTED RELEASED MODIFIED", start=0x24)  # descriptors of delivery states
ACCEPTED = Described(Ulong(Outcome.ACCEPTED), [])

_CBS, _MANAGEMENT = "$cbs", "/$management"
_SOURCE, _TARGET, _COORDINATOR, _TRANSACTIONAL = Ulong(0x28), Ulong(0x29), 0x30, 0x34
_SESSION_FILTER = "com.microsoft:session-filter"
_MAX_BATCH = {Symbol("com.microsoft:max-message-batch-size"): Ulong(262_144)}
_LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
_TICKS_1970 = 621_355_968_000_000_000  # .NET ticks of 100 ns since the year 1


def attach(session: "ProtocolSession", frame: Frame) -> None:
    """Answer an attach: with one of our own, later if it waits for a session, or with the reason against it."""
    try:
        if frame.target is not None and frame.target.descriptor == _COORDINATOR:
            raise _no_transactions()
        frame.source = Described(_SOURCE, filled(frame.source and frame.source.value, 11))
        frame.target = Described(_TARGET, filled(frame.target and frame.target.value, 7))
        path = entity_path((frame.source if frame.role else frame.target).value[ADDRESS])
        if path != _CBS and not covered(path, session.connection.grants):
            raise Refused("amqp:unauthorized-access", f"No token was presented for '{path}' on this connection.")
        if not frame.role:
            link = session.links[frame.handle] = IncomingLink(frame, _intake(session, path))
            session.answer(frame, properties=_MAX_BATCH)
            session.send_flow(link)
        elif path == _CBS or path.endswith(_MANAGEMENT):
            session.links[frame.handle] = OutgoingLink(session, frame, path)
            session.answer(frame)
        else:
            session.links[frame.handle] = _receiver(session, frame, path)
    except Refused as refusal:
        session.answer(frame, leads=False)
        session.detach(frame.handle, refusal)


def _intake(session: "ProtocolSession", path: str) -> Callable[[list[Message]], object]:
    """Where messages go that the client sends."""
    server = session.connection.server
    if path == _CBS:
        return partial(session.respond, path, partial(put_token, session.connection.grants, server.now))
    if path.endswith(_MANAGEMENT):
        entity = server.broker.find(path.removesuffix(_MANAGEMENT))
        return partial(session.respond, path, partial(manage, server.broker, entity.name, server.now))
    return partial(_send, server, server.broker.destination(path))


def _send(server: "Server", destination: Entity, messages: list[Message]) -> None:
    server.admit()
    destination.send(messages, server.now())


def _receiver(session: "ProtocolSession", frame: Frame, path: str) -> "OutgoingLink":
    """A link that receives from an entity."""
    server = session.connection.server
    queue, filters = server.broker.source(path), frame.source.value[FILTER] or {}
    wanted = filters.get(_SESSION_FILTER) if isinstance(filters, dict) else None
    wanted = wanted.value if isinstance(wanted, Described) else wanted
    timeout = (frame.properties or {}).get("com.microsoft:timeout")
    if not isinstance(filters, dict) or not isinstance(wanted, str | None) or not isinstance(timeout, int | None):
        raise Refused("amqp:invalid-field", "Filters are a map, a session id is a string, a timeout a number of ms.")
    if isinstance(queue, SessionQueue) != (_SESSION_FILTER in filters):
        needs = "requires sessions" if isinstance(queue, SessionQueue) else "has no sessions"
        raise Refused("amqp:not-allowed", f"'{queue.name}' {needs}; use the other kind of receiver.")
    link = OutgoingLink(session, frame, path, queue)
    if isinstance(queue, SessionQueue):
        link.waiting = True
        queue.accept(link, wanted, timeout, server.now())
    else:
        session.answer(frame)
        queue.attach(link, server.now())
    return link


class IncomingLink:
    """Gives the messages of each delivery to `intake`, which raises Refused if it takes none of them."""

    def __init__(self, frame: Frame, intake: Callable[[list[Message]], object]) -> None:
        self.handle = frame.handle
        self.delivery_count = frame.initial_delivery_count or 0
        self.credit = CREDIT
        self._intake = intake
        self._first: Frame | None = None  # of a delivery that is under way; id and format are sure on it alone
        self._payload = b""

    def receive(self, frame: Frame, payload: bytes) -> Frame | None:
        """One frame of a delivery, settled if any of them says so; what to answer to the last."""
        first = self._first = self._first or frame
        first.settled = first.settled or frame.settled
        if len(self._payload) <= MAX_MESSAGE_SIZE:
            self._payload += payload
        if frame.more and not frame.aborted:
            return None
        data, self._payload, self._first = self._payload, b"", None
        if frame.aborted:
            return None
        self.delivery_count += 1
        state = ACCEPTED
        try:
            if len(data) > MAX_MESSAGE_SIZE:
                raise Refused("amqp:link:message-size-exceeded", f"A message has at most {MAX_MESSAGE_SIZE:,} bytes.")
            if first.state is not None and first.state.descriptor == _TRANSACTIONAL:
                raise _no_transactions()
            self._intake(parse_delivery(data, first.message_format or 0))
        except Refused as refusal:
            state = Described(Ulong(Outcome.REJECTED), [amqp_error(refusal)])
        return None if first.settled else settlement(True, first.delivery_id, state)


class OutgoingLink:
    """Deliveries to one receiver. Answers of request-response nodes go the same way, with no queue behind."""

    def __init__(self, session: "ProtocolSession", frame: Frame, path: str, queue: Queue | None = None) -> None:
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
        self._answers: deque[bytes] = deque()  # until there is credit

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
            decision, changes, answer = _decided(state or ACCEPTED)
            self.queue.settle(token, decision, self._now(), changes)
        except Refused as refusal:
            return Described(Ulong(Outcome.REJECTED), [amqp_error(refusal)])
        return answer

    def deliver(self, token: bytes, payload: bytes) -> None:
        """Send a message, or the answer of a node."""
        self.credit -= 1
        self.delivery_count += 1
        self._session.send_delivery(self, token, payload, settled=not self.locks or self.queue is None)

    def granted(self, session_id: str, until: int) -> None:
        """Answer the attach that waited for a session."""
        self.waiting = False
        self.frame.source.value[FILTER][_SESSION_FILTER] = session_id
        self._session.answer(self.frame, properties={_LOCKED_UNTIL: until * 10_000 + _TICKS_1970})

    def lost(self, why: Refused) -> None:
        """Detach, or refuse to attach."""
        self._session.close(self, why)

    def answer(self, payload: bytes) -> None:
        """Send a response as soon as there is credit."""
        self._answers.append(payload)
        self._send_answers()

    def _send_answers(self) -> None:
        while self._answers and self.credit > 0:
            self.deliver(self.delivery_count.to_bytes(16), self._answers.popleft())


def _no_transactions() -> Refused:
    return Refused("amqp:not-implemented", "Transactions are not supported by the local Service Bus.")


def _decided(state: Described) -> tuple[Settlement, dict[str, Any], Described]:
    """What a receiver decided, the properties that it sets, and the outcome that confirms it. Raises Refused."""
    match state.descriptor:
        case Outcome.ACCEPTED:
            return Settlement.COMPLETE, {}, ACCEPTED
        case Outcome.RELEASED:
            return Settlement.RELEASE, {}, state
        case Outcome.MODIFIED:
            _, elsewhere, changes = filled(state.value, 3)
            return Settlement.DEFER if elsewhere is True else Settlement.ABANDON, _given(changes), state
        case Outcome.REJECTED:  # confirmed without the error, which would mean that this failed
            [error] = filled(state.value, 1)
            info = filled(error.value, 3)[2] if isinstance(error, Described) else None
            return Settlement.DEAD_LETTER, _given(info), Described(Ulong(Outcome.REJECTED), [None])
    raise _no_transactions()


def _given(changes: Any) -> dict[str, Any]:
    """The entries of a map that have a value, under plain names."""
    if not isinstance(changes, dict | None):
        raise Refused("amqp:invalid-field", "Properties to modify are a map.")
    return {str(key): value for key, value in (changes or {}).items() if value is not None}
