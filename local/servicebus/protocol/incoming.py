"""A link on which the client sends: whole deliveries out of frames, credit, acceptance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from local.servicebus.amqp.frames import Frame, settlement
from local.servicebus.amqp.message import Message, parse_delivery
from local.servicebus.amqp.values import DecodeError
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.protocol.outcomes import ACCEPTED, Outcome, no_transactions, rejected

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

CREDIT = 1000
MAX_MESSAGE_SIZE = 1_048_576

type Intake = Callable[[list[Message]], None]


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
