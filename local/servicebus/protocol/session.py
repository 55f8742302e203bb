"""An AMQP session: windows, links by handle, deliveries and what becomes of them (specification, 2.5 and 2.6)."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from local.servicebus.amqp.frames import Frame, amqp_error, settlement
from local.servicebus.amqp.message import REPLY_TO, Message
from local.servicebus.protocol.links import ADDRESS, CREDIT, MAX_MESSAGE_SIZE, IncomingLink, OutgoingLink, attach
from local.servicebus.refused import DecodeError, Refused

if TYPE_CHECKING:
    from local.servicebus.protocol.connection import Connection

WINDOW = 5000  # transfer frames
HANDLE_MAX = 255
FIRST_DELIVERY = 1 << 30  # far from the ids that clients use: pyamqp takes ours for its own of the same number

type Link = IncomingLink | OutgoingLink


class ProtocolSession:
    """The client's links on one channel."""

    def __init__(self, connection: "Connection", channel: int, begin: Frame) -> None:
        self.connection = connection
        self.links: dict[int, Link] = {}
        self._channel = channel
        self._next_incoming = begin.next_outgoing_id
        self._next_outgoing = 0
        self._outgoing_window = begin.incoming_window
        self._next_delivery = FIRST_DELIVERY
        self._blocked: deque[tuple[Frame, bytes]] = deque()  # until the client opens its window
        self._unsettled: dict[int, tuple[OutgoingLink, bytes]] = {}
        windows = {"incoming_window": WINDOW, "outgoing_window": WINDOW}
        self.send(Frame("begin", remote_channel=channel, next_outgoing_id=0, **windows, handle_max=HANDLE_MAX))

    def send(self, frame: Frame, payload: bytes = b"") -> None:
        """Send a frame on this channel."""
        self.connection.send(self._channel, frame, payload)

    def act(self, frame: Frame, payload: bytes) -> None:
        """Act on a frame from the client."""
        match frame.kind:
            case "attach":
                if frame.handle > HANDLE_MAX or frame.handle in self.links:
                    raise DecodeError(f"handle {frame.handle} is in use or above {HANDLE_MAX}")
                attach(self, frame)
            case "transfer":
                self._transfer(frame, payload)
            case "flow":
                self._flow(frame)
            case "disposition" if frame.role:  # as a sender, a client only settles what we settled already
                self._disposition(frame)
            case "detach" if frame.handle in self.links:
                self.close(self.links[frame.handle])

    def end(self) -> None:
        """The session is over, and with it all its links."""
        for link in list(self.links.values()):
            self._remove(link)

    def answer(self, frame: Frame, *, leads: bool = True, properties: dict[Any, Any] | None = None) -> None:
        """Answer an attach with what the client wrote, filled in where SDKs insist on a value, or with a dead end."""
        self.send(Frame(
            "attach", name=frame.name, handle=frame.handle, role=not frame.role,
            snd_settle_mode=2 if frame.snd_settle_mode is None else frame.snd_settle_mode,
            rcv_settle_mode=frame.rcv_settle_mode or 0, max_message_size=MAX_MESSAGE_SIZE,
            source=frame.source if leads else None, target=frame.target if leads else None,
            initial_delivery_count=0 if frame.role else None, properties=properties,
        ))  # fmt: skip

    def detach(self, handle: int, reason: Refused | None) -> None:
        """Say that a link is over, and why."""
        self.send(Frame("detach", handle=handle, closed=True, error=reason and amqp_error(reason)))

    def close(self, link: Link, reason: Refused | None = None) -> None:
        """Take leave of a link, whichever side wants it; one that still waits for its session is answered first."""
        self._remove(link)
        if isinstance(link, OutgoingLink) and link.waiting:
            self.answer(link.frame, leads=False)
        self.detach(link.handle, reason)

    def respond(self, node: str, answer: Callable[[Message], bytes], requests: Sequence[Message]) -> None:
        """Answer on the receiver that a request names or, as Python names none, on the one of this node."""
        mailboxes = [link for link in self.links.values() if isinstance(link, OutgoingLink) and link.queue is None]
        for request in requests:
            payload, to = answer(request), request.properties[REPLY_TO]
            # JavaScript names its link to `$cbs`, and the target address of its link to `$management`
            named = [link for link in mailboxes if to in (link.name, link.frame.target.value[ADDRESS])]
            for link in (named or [link for link in mailboxes if link.path == node])[:1]:
                link.answer(payload)

    def _remove(self, link: Link) -> None:
        """Forget a link and what it still holds."""
        self.links.pop(link.handle, None)
        if isinstance(link, OutgoingLink):
            self._blocked = deque(item for item in self._blocked if item[0].handle != link.handle)
            self._unsettled = {number: held for number, held in self._unsettled.items() if held[0] is not link}
            if link.queue is not None:
                link.queue.detach(link, self.connection.server.now())

    def _transfer(self, frame: Frame, payload: bytes) -> None:
        self._next_incoming += 1
        link = self.links.get(frame.handle)
        if isinstance(link, IncomingLink) and (answer := link.receive(frame, payload)):
            self.send(answer)
        if self._next_incoming % (CREDIT // 2) == 0:
            for link in self.links.values():
                if isinstance(link, IncomingLink):
                    self.send_flow(link)

    def _flow(self, frame: Frame) -> None:
        self._outgoing_window = (frame.next_incoming_id or 0) + frame.incoming_window - self._next_outgoing
        self._unblock()
        link = self.links.get(frame.handle)
        if isinstance(link, OutgoingLink):
            link.flow(frame)
        elif frame.echo:
            self.send_flow()

    def _disposition(self, frame: Frame) -> None:
        last = frame.first if frame.last is None else frame.last
        numbers = [frame.first] if frame.first == last else [n for n in self._unsettled if frame.first <= n <= last]
        for number in numbers:
            if number in self._unsettled:
                link, token = self._unsettled.pop(number)
                state = link.settle(token, frame.state)
                if not frame.settled:
                    self.send(settlement(False, number, state))

    def send_flow(self, link: Link | None = None, drain: bool = False) -> None:
        """Open the session's window and, with a link, say how its credit stands."""
        flow = Frame("flow", next_incoming_id=self._next_incoming, incoming_window=WINDOW, drain=drain, echo=False)
        flow.next_outgoing_id, flow.outgoing_window = self._next_outgoing, WINDOW
        if link is not None:
            flow.handle, flow.delivery_count, flow.link_credit = link.handle, link.delivery_count, link.credit
        self.send(flow)

    def send_delivery(self, link: OutgoingLink, tag: bytes, payload: bytes, settled: bool) -> None:
        """Send a message in as many frames as it takes, now or when the client opens its window."""
        number = self._next_delivery
        self._next_delivery += 1
        if not settled:
            self._unsettled[number] = (link, tag)
        room = self.connection.max_frame_size - 64
        for start in range(0, len(payload), room):
            frame = Frame("transfer", handle=link.handle, delivery_id=number, delivery_tag=tag, message_format=0)
            frame.settled, frame.more, frame.batchable = settled, start + room < len(payload), False
            self._blocked.append((frame, payload[start : start + room]))
        self._unblock()

    def _unblock(self) -> None:
        while self._blocked and self._outgoing_window > 0:
            self._outgoing_window -= 1
            self._next_outgoing += 1
            self.send(*self._blocked.popleft())
