"""`<entity>/$management`: the requests that are not deliveries, such as renewing, peeking and scheduling.

Operations: learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from local.servicebus.amqp.message import Message, amqp_value, parse_message
from local.servicebus.amqp.values import (
    LONG_ARRAY,
    STRING_ARRAY,
    TIMESTAMP_ARRAY,
    Array,
    DecodeError,
    Int,
    Symbol,
    Timestamp,
)
from local.servicebus.broker.entity import Entity
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.refused import (
    ARGUMENT_ERROR,
    MESSAGE_LOCK_LOST,
    MESSAGE_NOT_FOUND,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    SESSION_LOCK_LOST,
    Refused,
)
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.protocol.requests import respond

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession

_EVERY_SESSION = 253_402_300_800_000  # the year 10000: sessions whatever the time of their last change
_STATUS = {
    NOT_IMPLEMENTED: 501,
    NOT_FOUND: 404,
    MESSAGE_NOT_FOUND: 404,
    MESSAGE_LOCK_LOST: 410,
    SESSION_LOCK_LOST: 410,
}
_DELETE = 0  # receiver settle mode "first"

type Body = dict[str, Any] | None
type Operation = Callable[[Any, Request], Body]


class Request(NamedTuple):
    """What is asked, over which link if the client says so, and when."""

    body: dict[str, Any]
    link: str | None
    now: int


def manage(session: ProtocolSession, entity: Entity, messages: list[Message]) -> None:
    """Answer management requests for an entity; an answer without a body means that there is nothing."""
    for message in messages:
        properties = message.application_properties()
        operation = str(properties.get("operation", "")).removeprefix("com.microsoft:")
        now = session.connection.server.now()
        status: dict[str, Any] = {"statusCode": Int(200), "statusDescription": "OK"}
        body: Body = None
        try:
            body = _run(entity, operation, Request(_body(message), properties.get("associated-link-name"), now))
            if body is None:
                status = {"statusCode": Int(204), "statusDescription": "No Content"}
        except Refused as refusal:
            status = {"statusCode": Int(_STATUS.get(refusal.condition, 400)), "statusDescription": refusal.description}
            status["errorCondition"] = Symbol(refusal.condition)
        respond(session, entity.name.lower() + "/$management", message, status, body or {})


def _run(entity: Entity, name: str, request: Request) -> Body:
    kind, operation = _OPERATIONS.get(name, (None, None))
    if kind is None or operation is None:
        raise Refused(NOT_IMPLEMENTED, f"'{name}' is not supported by the local Service Bus.")
    if not isinstance(entity, kind):
        raise Refused(NOT_ALLOWED, f"'{name}' does not apply to '{entity.name}'.")
    try:
        return operation(entity, request)
    except (KeyError, TypeError, ValueError, AttributeError, DecodeError) as error:
        raise Refused(ARGUMENT_ERROR, f"The request '{name}' cannot be read: {error!r}.") from None


def _body(message: Message) -> dict[str, Any]:
    value = amqp_value(message)
    if not isinstance(value, dict):
        raise Refused(ARGUMENT_ERROR, "A request's body is a map.")
    return value


def _tokens(request: Request) -> list[bytes]:
    """Lock tokens, here in network order, as delivery tags have them."""
    return [UUID(bytes=token.bytes).bytes_le for token in request.body["lock-tokens"]]


def _renew_lock(queue: Queue, request: Request) -> Body:
    expirations = [Timestamp(queue.renew(token, request.now)) for token in _tokens(request)]
    return {"expirations": Array(TIMESTAMP_ARRAY, expirations)}


def _renew_session_lock(queue: SessionQueue, request: Request) -> Body:
    until = queue.renew_session(str(request.body["session-id"]), request.link, request.now)
    return {"expiration": Timestamp(until)}


def _get_session_state(queue: SessionQueue, request: Request) -> Body:
    return {"session-state": queue.state(str(request.body["session-id"]), request.link)}


def _set_session_state(queue: SessionQueue, request: Request) -> Body:
    state = request.body.get("session-state")
    if not isinstance(state, bytes | None):
        raise TypeError("session-state is binary or null")
    queue.set_state(str(request.body["session-id"]), request.link, state, request.now)
    return {}


def _peek(queue: Queue, request: Request) -> Body:
    start, count = int(request.body["from-sequence-number"]), int(request.body["message-count"])
    found = queue.peek(start, count, request.body.get("session-id"))
    return {"messages": [{"message": queue.encoded(entry)} for entry in found]} if found else None


def _schedule(entity: Entity, request: Request) -> Body:
    messages = [parse_message(item["message"]) for item in request.body["messages"]]
    return {"sequence-numbers": Array(LONG_ARRAY, entity.schedule(messages, request.now))}


def _cancel(entity: Entity, request: Request) -> Body:
    entity.cancel([int(number) for number in request.body["sequence-numbers"]])
    return {}


def _receive_deferred(queue: Queue, request: Request) -> Body:
    numbers = [int(number) for number in request.body["sequence-numbers"]]
    locks = int(request.body["receiver-settle-mode"]) != _DELETE
    found = queue.receive_deferred(numbers, locks, request.body.get("session-id"), request.now)
    return {"messages": [{"lock-token": token, "message": payload} for token, payload in found]}


def _update_disposition(queue: Queue, request: Request) -> Body:
    changes = dict(request.body.get("properties-to-modify") or {})
    reason, description = request.body.get("deadletter-reason"), request.body.get("deadletter-description")
    for token in _tokens(request):
        match request.body["disposition-status"]:
            case "completed":
                queue.complete(token, request.now)
            case "abandoned":
                queue.abandon(token, request.now, changes)
            case "defered":
                queue.defer(token, request.now, changes)
            case "suspended":
                why = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
                queue.dead_letter(token, request.now, changes | {k: v for k, v in why.items() if v is not None})
            case status:
                raise ValueError(f"no disposition status {status!r}")
    return {}


def _message_sessions(queue: SessionQueue, request: Request) -> Body:
    after, skip = int(request.body["last-updated-time"]), int(request.body["skip"])
    found = queue.session_ids(None if after >= _EVERY_SESSION else after, skip, int(request.body["top"]))
    return {"skip": Int(skip + len(found)), "sessions-ids": Array(STRING_ARRAY, found)} if found else None


_OPERATIONS: dict[str, tuple[type[Entity], Operation]] = {
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
