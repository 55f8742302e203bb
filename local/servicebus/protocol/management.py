"""`<entity>/$management`: the requests that are not deliveries, such as renewing, peeking and scheduling.

Operations: learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from local.servicebus.amqp.message import Message, amqp_value, encode_answer, parse_message
from local.servicebus.amqp.values import LONGS, STRINGS, TIMESTAMPS, Array, DecodeError, Int, Symbol, Timestamp
from local.servicebus.broker.broker import Broker
from local.servicebus.broker.entity import Entity
from local.servicebus.broker.queue import Queue, Settlement
from local.servicebus.broker.refused import Condition, Refused
from local.servicebus.broker.sessions import SessionQueue

if TYPE_CHECKING:
    from local.servicebus.server import Server

_EVERY_SESSION = 253_402_300_800_000  # the year 10000: sessions whatever the time of their last change
_STATUS = {
    Condition.NOT_FOUND: 404,
    Condition.MESSAGE_NOT_FOUND: 404,
    Condition.MESSAGE_LOCK_LOST: 410,
    Condition.SESSION_LOCK_LOST: 410,
    Condition.NOT_IMPLEMENTED: 501,
    Condition.SERVER_BUSY: 503,
}
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, DecodeError)
_DECISIONS = {
    "completed": Settlement.COMPLETE,
    "abandoned": Settlement.ABANDON,
    "defered": Settlement.DEFER,  # spelt so
    "suspended": Settlement.DEAD_LETTER,
}
_REASONS = {"deadletter-reason": "DeadLetterReason", "deadletter-description": "DeadLetterErrorDescription"}

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


def manage(server: Server, address: str, message: Message) -> bytes:
    """The answer to a request about an entity; one without a body means that there is nothing."""
    properties = message.application_properties()
    name = str(properties.get("operation", "")).removeprefix("com.microsoft:")
    status: dict[str, Any] = {"statusCode": Int(200), "statusDescription": "OK"}
    body: Body = None
    try:
        server.admit()
        if name not in _OPERATIONS:
            raise Refused(Condition.NOT_IMPLEMENTED, f"'{name}' is not supported by the local Service Bus.")
        find, operation = _OPERATIONS[name]
        entity = find(server.broker, address)
        body = operation(entity, Request(amqp_value(message), properties.get("associated-link-name"), server.now()))
        if body is None:
            status = {"statusCode": Int(204), "statusDescription": "No Content"}
    except (Refused, *_MALFORMED) as error:
        if not isinstance(error, Refused):
            error = Refused(Condition.ARGUMENT_ERROR, f"The request '{name}' cannot be read: {error!r}.")
        status = {"statusCode": Int(_STATUS.get(error.condition, 400)), "statusDescription": error.description}
        status["errorCondition"] = Symbol(error.condition)
    return encode_answer(message, status, body or {})


def _renew_lock(queue: Queue, request: Request) -> Body:
    return {"expirations": Array(TIMESTAMPS, [queue.renew(token, request.now) for token in request.tokens()])}


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
    decision = _DECISIONS[request.body["disposition-status"]]
    changes = dict(request.body.get("properties-to-modify") or {})
    for key, name in _REASONS.items():
        if request.body.get(key) is not None:
            changes[name] = request.body[key]
    for token in request.tokens():
        queue.settle(token, decision, request.now, changes)
    return {}


def _message_sessions(queue: SessionQueue, request: Request) -> Body:
    after, skip, top = (int(request.body[key]) for key in ("last-updated-time", "skip", "top"))
    found = queue.session_ids(None if after >= _EVERY_SESSION else after)[skip : skip + top]
    return {"skip": Int(skip + len(found)), "sessions-ids": Array(STRINGS, found)} if found else None


_OPERATIONS: dict[str, tuple[Callable[[Broker, str], Entity], Callable[[Any, Request], Body]]] = {
    "renew-lock": (Broker.source, _renew_lock),
    "renew-session-lock": (Broker.sessions, _renew_session_lock),
    "get-session-state": (Broker.sessions, _get_session_state),
    "set-session-state": (Broker.sessions, _set_session_state),
    "peek-message": (Broker.source, _peek),
    "schedule-message": (Broker.destination, _schedule),
    "cancel-scheduled-message": (Broker.destination, _cancel),
    "receive-by-sequence-number": (Broker.source, _receive_deferred),
    "update-disposition": (Broker.source, _update_disposition),
    "get-message-sessions": (Broker.sessions, _message_sessions),
}
"""Which kind of entity each operation is for, and what it does there."""
