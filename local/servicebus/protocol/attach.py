"""Binds a new link to an entity, to its `$management`, or to `$cbs`, or says why not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from local.servicebus.amqp.message import Message
from local.servicebus.amqp.performatives import Attach
from local.servicebus.amqp.values import Described, Symbol, Ulong
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.refused import INVALID_FIELD, NOT_ALLOWED, NOT_IMPLEMENTED, Refused
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.protocol.incoming import IncomingLink, Intake
from local.servicebus.protocol.management import manage
from local.servicebus.protocol.outgoing import OutgoingLink
from local.servicebus.protocol.requests import put_token
from local.servicebus.protocol.termini import (
    ADDRESS,
    CBS,
    FILTER,
    MANAGEMENT,
    SESSION_FILTER,
    attach_reply,
    entity_path,
    terminus_field,
)

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

_COORDINATOR = 0x30
_MAX_BATCH = {Symbol("com.microsoft:max-message-batch-size"): Ulong(262_144)}


def attach(session: ProtocolSession, frame: Attach) -> None:
    """Answer an attach: with one of our own, later if it waits for a session, or with the reason against it."""
    try:
        if isinstance(frame.target, Described) and frame.target.descriptor == _COORDINATOR:
            raise Refused(NOT_IMPLEMENTED, "Transactions are not supported by the local Service Bus.")
        path = entity_path(terminus_field(frame.source if frame.role else frame.target, ADDRESS))
        if path != CBS:
            session.connection.grants.check(path)
        if frame.role:
            _attach_receiver(session, frame, path)
        else:
            link = session.links[frame.handle] = IncomingLink(session, frame, _intake(session, path))
            session.send(attach_reply(frame, properties=_MAX_BATCH))
            session.send_flow(link)
    except Refused as refusal:
        session.refuse(frame, refusal)


def _intake(session: ProtocolSession, path: str) -> Intake:
    """Where messages go that the client sends."""
    server = session.connection.server
    if path == CBS:
        return partial(put_token, session)
    if path.endswith(MANAGEMENT):
        return partial(manage, session, server.broker.find(path.removesuffix(MANAGEMENT)))
    entity = server.broker.find(path)
    if not server.broker.takes_messages(entity):
        raise Refused(NOT_ALLOWED, f"'{entity.name}' cannot be sent to, only its queue or topic can.")

    def send(messages: list[Message]) -> None:
        entity.send(messages, server.now())

    return send


def _attach_receiver(session: ProtocolSession, frame: Attach, path: str) -> None:
    server = session.connection.server
    if path == CBS or path.endswith(MANAGEMENT):
        session.links[frame.handle] = OutgoingLink(session, frame, path)
        session.send(attach_reply(frame))
        return
    queue = server.broker.find(path)
    if not isinstance(queue, Queue):
        raise Refused(NOT_ALLOWED, f"'{queue.name}' is a topic; receive from one of its subscriptions.")
    filters = terminus_field(frame.source, FILTER) or {}
    if isinstance(queue, SessionQueue) != (SESSION_FILTER in filters):
        needs = "requires sessions" if isinstance(queue, SessionQueue) else "has no sessions"
        raise Refused(NOT_ALLOWED, f"'{queue.name}' {needs}; use the other kind of receiver.")
    link = session.links[frame.handle] = OutgoingLink(session, frame, path, queue)
    if isinstance(queue, SessionQueue):
        wanted = filters[SESSION_FILTER]
        wanted = wanted.value if isinstance(wanted, Described) else wanted
        if not isinstance(wanted, str | None):
            raise Refused(INVALID_FIELD, "A session filter is a session id, or null for the next session.")
        link.waiting = True
        try:
            queue.accept(link, wanted, (frame.properties or {}).get("com.microsoft:timeout"), server.now())
        except Refused:
            session.remove(link)
            raise
    else:
        session.send(attach_reply(frame))
        queue.attach(link, server.now())
