"""`<entity>/$management`: the requests that are not deliveries, such as renewing, peeking and scheduling.

Operations: learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from local.servicebus.amqp.message import Message, amqp_value, parse_message
from local.servicebus.amqp.values import LONGS, STRINGS, TIMESTAMPS, Array, DecodeError, Int, Symbol, Timestamp
from local.servicebus.broker.entity import Entity
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.protocol.requests import respond
from local.servicebus.protocol.termini import MANAGEMENT

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

_EVERY_SESSION = 253_402_300_800_000  # the year 10000: sessions whatever the time of their last change
_STATUS = {
    Condition.NOT_FOUND: 404,
    Condition.MESSAGE_NOT_FOUND: 404,
    Condition.MESSAGE_LOCK_LOST: 410,
    Condition.SESSION_LOCK_LOST: 410,
    Condition.NOT_IMPLEMENTED: 501,
}
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, DecodeError)

type Body = dict[str, Any] | None


class Request(NamedTuple):
    """What is asked, over which link if the client says so, and when, in ms since 1970."""

    body: dict[str, Any]
    link: str | None
    now: int

    @property
    def session_id(self) -> str:
        """The session that it is about."""
        return str(self.body["session-id"])

    def numbers(self) -> list[int]:
        """Sequence numbers of messages, each once."""
        return list(dict.fromkeys(int(number) for number in self.body["sequence-numbers"]))

    def tokens(self) -> list[bytes]:
        """Lock tokens, in the byte order of delivery tags."""
        return [token.bytes_le for token in self.body["lock-tokens"]]


def manage(session: ProtocolSession, entity: Entity, message: Message) -> None:
    """Answer a request about an entity; an answer without a body means that there is nothing."""
    properties = message.application_properties()
    name = str(properties.get("operation", "")).removeprefix("com.microsoft:")
    status: dict[str, Any] = {"statusCode": Int(200), "statusDescription": "OK"}
    body: Body = None
    try:
        link, now = properties.get("associated-link-name"), session.connection.server.now()
        body = _run(entity, name, Request(amqp_value(message), link, now))
        if body is None:
            status = {"statusCode": Int(204), "statusDescription": "No Content"}
    except Refused as refusal:
        status = {"statusCode": Int(_STATUS.get(refusal.condition, 400)), "statusDescription": refusal.description}
        status["errorCondition"] = Symbol(refusal.condition)
    respond(session, entity.name.lower() + MANAGEMENT, message, status, body or {})


def _run(entity: Entity, name: str, request: Request) -> Body:
    if name not in _OPERATIONS:
        raise Refused(Condition.NOT_IMPLEMENTED, f"'{name}' is not supported by the local Service Bus.")
    kind, operation = _OPERATIONS[name]
    if not isinstance(entity, kind):
        raise Refused(Condition.NOT_ALLOWED, f"'{name}' does not apply to '{entity.name}'.")
    try:
        return operation(entity, request)
    except _MALFORMED as error:
        raise Refused(Condition.ARGUMENT_ERROR, f"The request '{name}' cannot be read: {error!r}.") from None


def _renew_lock(queue: Queue, request: Request) -> Body:
    expirations = [queue.renew(token, request.now) for token in request.tokens()]
    return {"expirations": Array(TIMESTAMPS, expirations)}


def _renew_session_lock(queue: SessionQueue, request: Request) -> Body:
    return {"expiration": Timestamp(queue.renew_session(request.session_id, request.link, request.now))}


def _get_session_state(queue: SessionQueue, request: Request) -> Body:
    return {"session-state": queue.state(request.session_id, request.link)}


def _set_session_state(queue: SessionQueue, request: Request) -> Body:
    state = request.body.get("session-state")
    if not isinstance(state, bytes | None):
        raise TypeError("session-state is binary or null")
    queue.set_state(request.session_id, request.link, state, request.now)
    return {}


def _peek(queue: Queue, request: Request) -> Body:
    found = queue.peek(int(request.body["from-sequence-number"]), request.body.get("session-id"))
    some = [{"message": queue.encoded(entry)} for entry in islice(found, int(request.body["message-count"]))]
    return {"messages": some} if some else None


def _schedule(entity: Entity, request: Request) -> Body:
    messages = [parse_message(item["message"]) for item in request.body["messages"]]
    return {"sequence-numbers": Array(LONGS, entity.schedule(messages, request.now))}


def _cancel(entity: Entity, request: Request) -> Body:
    entity.cancel(request.numbers())
    return {}


def _receive_deferred(queue: Queue, request: Request) -> Body:
    locks = int(request.body["receiver-settle-mode"]) != 0
    found = queue.receive_deferred(request.numbers(), locks, request.body.get("session-id"), request.now)
    return {"messages": [{"lock-token": token, "message": payload} for token, payload in found]}


def _update_disposition(queue: Queue, request: Request) -> Body:
    changes = dict(request.body.get("properties-to-modify") or {})
    for token in request.tokens():
        match request.body["disposition-status"]:
            case "completed":
                queue.complete(token, request.now)
            case "abandoned":
                queue.abandon(token, request.now, changes)
            case "defered":
                queue.defer(token, request.now, changes)
            case "suspended":
                for name, key in (("Reason", "reason"), ("ErrorDescription", "description")):
                    if request.body.get(f"deadletter-{key}") is not None:
                        changes[f"DeadLetter{name}"] = request.body[f"deadletter-{key}"]
                queue.dead_letter(token, request.now, changes)
            case status:
                raise ValueError(f"no disposition status {status!r}")
    return {}


def _message_sessions(queue: SessionQueue, request: Request) -> Body:
    after, skip, top = (int(request.body[key]) for key in ("last-updated-time", "skip", "top"))
    found = queue.session_ids(None if after >= _EVERY_SESSION else after)[skip : skip + top]
    return {"skip": Int(skip + len(found)), "sessions-ids": Array(STRINGS, found)} if found else None


_OPERATIONS: dict[str, tuple[type[Entity], Callable[[Any, Request], Body]]] = {
    "renew-lock": (Queue, _renew_lock),
    "renew-session-lock": (SessionQueue, _renew_session_lock),
    "get-session-state": (SessionQueue, _get_session_state),
    "set-session-state": (SessionQueue, _set_session_state),
    "peek-message": (Queue, _peek),
    "schedule-message": (Entity, _schedule),
    "cancel-scheduled-message": (Entity, _cancel),
    "receive-by-sequence-number": (Queue, _receive_deferred),
    "update-disposition": (Queue, _update_disposition),
    "get-message-sessions": (SessionQueue, _message_sessions),
}
