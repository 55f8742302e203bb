"""Binds a new link to an entity, to its `$management`, or to `$cbs`, or says why not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from local.servicebus.amqp.frames import Frame
from local.servicebus.amqp.message import Message
from local.servicebus.amqp.values import Described, Symbol, Ulong
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.protocol import termini
from local.servicebus.protocol.incoming import IncomingLink, Intake
from local.servicebus.protocol.management import manage
from local.servicebus.protocol.outcomes import no_transactions
from local.servicebus.protocol.outgoing import OutgoingLink
from local.servicebus.protocol.tokens import put_token

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

_COORDINATOR = 0x30
_MAX_BATCH = {Symbol("com.microsoft:max-message-batch-size"): Ulong(262_144)}


def attach(session: ProtocolSession, frame: Frame) -> None:
    """Answer an attach: with one of our own, later if it waits for a session, or with the reason against it."""
    try:
        if isinstance(frame.target, Described) and frame.target.descriptor == _COORDINATOR:
            raise no_transactions()
        terminus = frame.source if frame.role else frame.target
        path = termini.entity_path(termini.described_field(terminus, termini.ADDRESS))
        if path != termini.CBS:
            session.connection.grants.check(path)
        if frame.role:
            _attach_receiver(session, frame, path)
        else:
            link = session.links[frame.handle] = IncomingLink(session, frame, _intake(session, path))
            session.send(termini.attach_reply(frame, properties=_MAX_BATCH))
            session.send_flow(link)
    except Refused as refusal:
        session.links.pop(frame.handle, None)
        session.refuse(frame, refusal)


def _intake(session: ProtocolSession, path: str) -> Intake:
    """Where messages go that the client sends."""
    server = session.connection.server
    if path == termini.CBS:
        return _each(partial(put_token, session))
    if path.endswith(termini.MANAGEMENT):
        return _each(partial(manage, session, server.broker.find(path.removesuffix(termini.MANAGEMENT))))
    entity = server.broker.destination(path)
    return lambda messages: entity.send(messages, server.now())


def _each(answer: Callable[[Message], None]) -> Intake:
    def intake(messages: list[Message]) -> None:
        for request in messages:
            answer(request)

    return intake


def _attach_receiver(session: ProtocolSession, frame: Frame, path: str) -> None:
    server = session.connection.server
    if path == termini.CBS or path.endswith(termini.MANAGEMENT):
        session.links[frame.handle] = OutgoingLink(session, frame, path)
        session.send(termini.attach_reply(frame))
        return
    queue = server.broker.source(path)
    filters = termini.described_field(frame.source, termini.FILTER) or {}
    timeout = (frame.properties or {}).get("com.microsoft:timeout")
    if not isinstance(filters, dict) or not isinstance(timeout, int | None):
        raise Refused(Condition.INVALID_FIELD, "Filters are a map, and a timeout is a number of milliseconds.")
    if isinstance(queue, SessionQueue) != (termini.SESSION_FILTER in filters):
        needs = "requires sessions" if isinstance(queue, SessionQueue) else "has no sessions"
        raise Refused(Condition.NOT_ALLOWED, f"'{queue.name}' {needs}; use the other kind of receiver.")
    link = OutgoingLink(session, frame, path, queue)
    session.links[frame.handle] = link
    if isinstance(queue, SessionQueue):
        wanted = filters[termini.SESSION_FILTER]
        wanted = wanted.value if isinstance(wanted, Described) else wanted
        if not isinstance(wanted, str | None):
            raise Refused(Condition.INVALID_FIELD, "A session filter is a session id, or null for the next session.")
        link.waiting = True
        queue.accept(link, wanted, timeout, server.now())
    else:
        session.send(termini.attach_reply(frame))
        queue.attach(link, server.now())
