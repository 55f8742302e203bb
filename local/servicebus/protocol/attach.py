"""Binds a new link to an entity, to its `$management`, or to `$cbs`, or says why not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from local.servicebus.amqp.frames import Frame
from local.servicebus.amqp.message import Message
from local.servicebus.amqp.values import Described, Symbol, Ulong
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.protocol.links import IncomingLink, Intake, OutgoingLink, no_transactions
from local.servicebus.protocol.management import manage
from local.servicebus.protocol.tokens import entity_path, put_token

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

CBS, MANAGEMENT = "$cbs", "/$management"
ADDRESS, FILTER = 0, 7  # positions in a source or target
SESSION_FILTER = "com.microsoft:session-filter"
_SOURCE, _TARGET, _COORDINATOR = Ulong(0x28), Ulong(0x29), 0x30
_MAX_BATCH = {Symbol("com.microsoft:max-message-batch-size"): Ulong(262_144)}


def attach(session: ProtocolSession, frame: Frame) -> None:
    """Answer an attach: with one of our own, later if it waits for a session, or with the reason against it."""
    frame.source = frame.source or Described(_SOURCE, [])
    frame.target = frame.target or Described(_TARGET, [])
    try:
        if frame.target.descriptor == _COORDINATOR:
            raise no_transactions()
        path = entity_path((frame.source if frame.role else frame.target).field(ADDRESS))
        if path != CBS:
            session.connection.grants.check(path)
        if frame.role:
            _attach_receiver(session, frame, path)
        else:
            link = session.links[frame.handle] = IncomingLink(session, frame, _intake(session, path))
            session.accept(frame, properties=_MAX_BATCH)
            session.send_flow(link)
    except Refused as refusal:
        session.links.pop(frame.handle, None)
        session.refuse(frame, refusal)


def _intake(session: ProtocolSession, path: str) -> Intake:
    """Where messages go that the client sends."""
    server = session.connection.server
    if path == CBS:
        answer = partial(put_token, session.connection.grants, server.now)
    elif path.endswith(MANAGEMENT):
        server.broker.find(path.removesuffix(MANAGEMENT))
        answer = partial(manage, server, path.removesuffix(MANAGEMENT))
    else:
        entity = server.broker.destination(path)

        def send(messages: list[Message]) -> None:
            server.admit()
            entity.send(messages, server.now())

        return send

    def respond(requests: list[Message]) -> None:
        for request in requests:
            session.respond(path, request, answer(request))

    return respond


def _attach_receiver(session: ProtocolSession, frame: Frame, path: str) -> None:
    server = session.connection.server
    if path == CBS or path.endswith(MANAGEMENT):
        session.links[frame.handle] = OutgoingLink(session, frame, path)
        session.accept(frame)
        return
    queue = server.broker.source(path)
    filters = frame.source.field(FILTER) or {}
    timeout = (frame.properties or {}).get("com.microsoft:timeout")
    if not isinstance(filters, dict) or not isinstance(timeout, int | None):
        raise Refused(Condition.INVALID_FIELD, "Filters are a map, and a timeout is a number of milliseconds.")
    if isinstance(queue, SessionQueue) != (SESSION_FILTER in filters):
        needs = "requires sessions" if isinstance(queue, SessionQueue) else "has no sessions"
        raise Refused(Condition.NOT_ALLOWED, f"'{queue.name}' {needs}; use the other kind of receiver.")
    link = session.links[frame.handle] = OutgoingLink(session, frame, path, queue)
    if isinstance(queue, SessionQueue):
        wanted = filters[SESSION_FILTER]
        wanted = wanted.value if isinstance(wanted, Described) else wanted
        if not isinstance(wanted, str | None):
            raise Refused(Condition.INVALID_FIELD, "A session filter is a session id, or null for the next session.")
        link.waiting = True
        queue.accept(link, wanted, timeout, server.now())
    else:
        session.accept(frame)
        queue.attach(link, server.now())
