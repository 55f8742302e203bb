"""An AMQP session: windows, links by handle, deliveries and what becomes of them (specification, 2.5 and 2.6)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from local.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
    amqp_error,
)
from local.servicebus.amqp.values import DecodeError
from local.servicebus.broker.refused import Refused
from local.servicebus.protocol.attach import attach
from local.servicebus.protocol.incoming import IncomingLink
from local.servicebus.protocol.outgoing import OutgoingLink
from local.servicebus.protocol.termini import attach_reply

if TYPE_CHECKING:
    from local.servicebus.protocol.connection import Connection

WINDOW = 5000  # transfer frames
HANDLE_MAX = 255
FIRST_DELIVERY = 1 << 30
"""Far from the ids that clients use: pyamqp confuses its own deliveries with ours of the same number."""

type Link = IncomingLink | OutgoingLink


class ProtocolSession:
    """The client's links on one channel."""

    def __init__(self, connection: Connection, channel: int, begin: Begin) -> None:
        self.connection = connection
        self.channel = channel
        self.links: dict[int, Link] = {}
        self._next_incoming = begin.next_outgoing_id
        self._incoming_window = WINDOW
        self._next_outgoing = 0
        self._outgoing_window = begin.incoming_window
        self._next_delivery = FIRST_DELIVERY
        self._blocked: deque[tuple[Transfer, bytes]] = deque()  # until the client opens its window
        self._unsettled: dict[int, tuple[OutgoingLink, bytes]] = {}
        self.send(Begin(channel, self._next_outgoing, WINDOW, WINDOW, HANDLE_MAX))

    def send(self, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame on this channel."""
        self.connection.send(self.channel, performative, payload)

    def handle(self, performative: Performative, payload: bytes) -> None:
        """Act on a frame from the client."""
        match performative:
            case Attach():
                if performative.handle > HANDLE_MAX or performative.handle in self.links:
                    raise DecodeError(f"handle {performative.handle} is in use or above {HANDLE_MAX}")
                attach(self, performative)
            case Transfer():
                self._transfer(performative, payload)
            case Flow():
                self._flow(performative)
            case Disposition():
                self._disposition(performative)
            case Detach():
                link = self.links.get(performative.handle)
                if link is not None:
                    self.remove(link)
                    if isinstance(link, OutgoingLink) and link.waiting:
                        self.refuse(link.frame)
                    else:
                        self.detach(link.handle)
            case _:
                raise DecodeError(f"{type(performative).__name__} within a session")

    def remove(self, link: Link) -> None:
        """Forget a link and what it still holds."""
        self.links.pop(link.handle, None)
        self._blocked = deque(item for item in self._blocked if item[0].handle != link.handle)
        self._unsettled = {number: held for number, held in self._unsettled.items() if held[0] is not link}
        link.closed()

    def detach(self, handle: int, refusal: Refused | None = None) -> None:
        """Close our end of a link, saying why if there is a reason."""
        self.send(Detach(handle, True, refusal and amqp_error(refusal.condition, refusal.description)))

    def refuse(self, frame: Attach, refusal: Refused | None = None) -> None:
        """Answer an attach with a link that leads nowhere, and detach it."""
        self.send(attach_reply(frame)._replace(source=None, target=None))
        self.detach(frame.handle, refusal)

    def ended(self) -> None:
        """The session is over, and with it all its links."""
        for link in list(self.links.values()):
            self.remove(link)

    # Incoming

    def _transfer(self, frame: Transfer, payload: bytes) -> None:
        self._next_incoming += 1
        self._incoming_window -= 1
        link = self.links.get(frame.handle)
        if isinstance(link, IncomingLink):
            link.receive(frame, payload)
        if self._incoming_window < WINDOW // 2:
            self.send_flow()

    def _flow(self, frame: Flow) -> None:
        started = frame.next_incoming_id or 0
        self._outgoing_window = started + frame.incoming_window - self._next_outgoing
        self._unblock()
        link = None if frame.handle is None else self.links.get(frame.handle)
        if isinstance(link, OutgoingLink):
            link.flow(frame)
        elif frame.echo:
            self.send_flow()

    def _disposition(self, frame: Disposition) -> None:
        if not frame.role:
            return  # a sender settling what we settled already
        first, last = frame.first, frame.first if frame.last is None else frame.last
        held = (first,) if first == last else tuple(n for n in self._unsettled if first <= n <= last)
        for number in held:
            link, token = self._unsettled.pop(number, (None, b""))
            if link is None:
                continue
            state = link.settle(token, frame.state)
            if not frame.settled:  # one each: pyamqp waits for every delivery by its own number
                self.send(Disposition(False, number, number, True, state))

    # Outgoing

    def send_flow(self, link: IncomingLink | OutgoingLink | None = None, drain: bool = False) -> None:
        """Open the session's window and, with a link, say how its credit stands."""
        self._incoming_window = WINDOW
        handle, count, credit = (None, None, None) if link is None else (link.handle, link.delivery_count, link.credit)
        self.send(
            Flow(self._next_incoming, WINDOW, self._next_outgoing, WINDOW, handle, count, credit, None, drain, False)
        )

    def send_delivery(self, link: OutgoingLink, tag: bytes, payload: bytes, settled: bool) -> None:
        """Send a message in as many frames as it takes, now or when the client opens its window."""
        number = self._next_delivery
        self._next_delivery += 1
        if not settled:
            self._unsettled[number] = (link, tag)
        room = self.connection.max_frame_size - 64
        for start in range(0, len(payload), room):
            more = start + room < len(payload)
            self._blocked.append(
                (Transfer(link.handle, number, tag, 0, settled, more, batchable=False), payload[start : start + room])
            )
        self._unblock()

    def _unblock(self) -> None:
        while self._blocked and self._outgoing_window > 0:
            self._outgoing_window -= 1
            self._next_outgoing += 1
            self.send(*self._blocked.popleft())
