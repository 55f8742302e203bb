"""`<entity>/$management`: the requests that are not deliveries, such as renewing, peeking and scheduling.

Operations: learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from local.servicebus.amqp.codec import Array, Int, Symbol, Timestamp
from local.servicebus.amqp.message import Message, amqp_value, encode_answer, parse_message
from local.servicebus.broker.broker import Broker
from local.servicebus.broker.queue import Settlement
from local.servicebus.refused import Condition, Refused

if TYPE_CHECKING:
    from local.servicebus.server import Server

_STATUS = {
    Condition.NOT_FOUND: 404,
    Condition.MESSAGE_NOT_FOUND: 404,
    Condition.MESSAGE_LOCK_LOST: 410,
    Condition.SESSION_LOCK_LOST: 410,
    Condition.NOT_IMPLEMENTED: 501,
    Condition.SERVER_BUSY: 503,
}
_DECISIONS = {
    "completed": Settlement.COMPLETE,
    "abandoned": Settlement.ABANDON,
    "defered": Settlement.DEFER,  # spelt so
    "suspended": Settlement.DEAD_LETTER,
}
_REASONS = {"deadletter-reason": "DeadLetterReason", "deadletter-description": "DeadLetterErrorDescription"}


def manage(server: Server, path: str, request: Message) -> bytes:
    """The answer to a request about an entity; one without a body means that there is nothing."""
    properties = request.application_properties()
    operation = str(properties.get("operation", "")).removeprefix("com.microsoft:")
    status: dict[str, Any] = {"statusCode": Int(200), "statusDescription": "OK"}
    body: Any = None
    try:
        server.admit()
        asked, link = amqp_value(request), properties.get("associated-link-name")
        body = _done(server.broker, path, operation, asked, link, server.now())
        if body is None:
            status = {"statusCode": Int(204), "statusDescription": "No Content"}
    except (Refused, KeyError, TypeError, ValueError, AttributeError) as error:
        if not isinstance(error, Refused):
            error = Refused(Condition.ARGUMENT_ERROR, f"The request '{operation}' cannot be read: {error!r}.")
        status = {"statusCode": Int(_STATUS.get(error.condition, 400)), "statusDescription": error.description}
        status["errorCondition"] = Symbol(error.condition)
    return encode_answer(request, status, body or {})


def _done(broker: Broker, path: str, operation: str, asked: Any, link: str | None, now: int) -> dict[str, Any] | None:
    """Do what is asked over a link, if the client says which; the body of the answer."""
    match operation:
        case "renew-lock":
            queue = broker.source(path)
            return {"expirations": Array(Timestamp, [queue.renew(each.bytes_le, now) for each in asked["lock-tokens"]])}
        case "renew-session-lock":
            return {"expiration": Timestamp(broker.sessions(path).renew_session(asked["session-id"], link, now))}
        case "get-session-state":
            return {"session-state": broker.sessions(path).state(asked["session-id"], link)}
        case "set-session-state":
            if not isinstance(state := asked.get("session-state"), bytes | None):
                raise TypeError("session-state is binary or null")
            broker.sessions(path).set_state(asked["session-id"], link, state)
        case "peek-message":
            queue = broker.source(path)
            found = islice(queue.peek(asked["from-sequence-number"], asked.get("session-id")), asked["message-count"])
            messages = [{"message": queue.encoded(entry)} for entry in found]
            return {"messages": messages} if messages else None
        case "schedule-message":
            scheduled = [parse_message(each["message"]) for each in asked["messages"]]
            return {"sequence-numbers": Array(int, broker.destination(path).send(scheduled, now))}
        case "cancel-scheduled-message":
            broker.destination(path).cancel(asked["sequence-numbers"])
        case "receive-by-sequence-number":
            numbers, locks = asked["sequence-numbers"], asked["receiver-settle-mode"] != 0
            deferred = broker.source(path).receive_deferred(numbers, locks, asked.get("session-id"), now)
            return {"messages": [{"lock-token": token, "message": payload} for token, payload in deferred]}
        case "update-disposition":
            changes = dict(asked.get("properties-to-modify") or {})
            changes |= {name: asked[key] for key, name in _REASONS.items() if asked.get(key) is not None}
            for token in asked["lock-tokens"]:
                broker.source(path).settle(token.bytes_le, _DECISIONS[asked["disposition-status"]], now, changes)
        case _:
            raise Refused(Condition.NOT_IMPLEMENTED, f"'{operation}' is not supported by the local Service Bus.")
    return {}
