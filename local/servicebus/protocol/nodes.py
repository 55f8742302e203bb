"""The request-response nodes: `$cbs`, which takes tokens, and `<entity>/$management`, which takes what is no delivery.

Operations: learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response; tokens: …/service-bus-sas
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.connections import SERVICE_BUS_KEY, SERVICE_BUS_KEY_NAME
from local.servicebus.amqp.codec import Int, Symbol, Timestamp
from local.servicebus.amqp.message import Message, amqp_value, encode_answer, parse_message
from local.servicebus.broker.broker import Broker
from local.servicebus.broker.queue import Settlement
from local.servicebus.refused import Refused

_STATUS = {"not-found": 404, "lock-lost": 410, "not-implemented": 501}  # by the end of a condition
_DECISIONS = {"completed": "COMPLETE", "abandoned": "ABANDON", "defered": "DEFER", "suspended": "DEAD_LETTER"}
_REASONS = {"deadletter-reason": "DeadLetterReason", "deadletter-description": "DeadLetterErrorDescription"}


def entity_path(address: object) -> str:
    """The path of an address, `sb://host/path` or the path alone, in lower case; empty for none."""
    if not isinstance(address, str):
        return ""
    return unquote(urlsplit(address).path if "://" in address else address).strip("/").lower()


def covered(path: str, grants: Iterable[str]) -> bool:
    """Whether one of the paths that were granted is this one, or above it."""
    return any(granted in ("", path) or path.startswith(granted + "/") for granted in grants)


def put_token(grants: set[str], now: Callable[[], int], request: Message) -> bytes:
    """The answer to a request that brings a token for an entity; one that holds is granted."""
    status: dict[str, Any] = {"status-code": Int(202), "status-description": "Accepted"}
    path = entity_path(request.application_properties().get("name"))
    if fault := _fault(str(amqp_value(request)), path, now()):
        unauthorized = Symbol("amqp:unauthorized-access")
        status = {"status-code": Int(401), "status-description": fault, "error-condition": unauthorized}
    else:
        grants.add(path)
    return encode_answer(request, status, None)


def _fault(token: str, path: str, now: int) -> str | None:
    """Why a token is not signed with our key, valid now and for this path; None if it is. Nobody vouches for a JWT."""
    kind, _, signature = token.partition(" ")
    if kind != "SharedAccessSignature":
        return "The token is not a shared access signature."
    raw = dict(part.split("=", 1) for part in signature.split("&") if "=" in part)
    fields = {"sig": "", "se": "", "sr": "none", **dict(parse_qsl(signature))}
    signed = f"{raw.get('sr')}\n{raw.get('se')}".encode()  # as they were written
    expected = base64.b64encode(hmac.digest(SERVICE_BUS_KEY.encode(), signed, hashlib.sha256))
    if fields.get("skn") != SERVICE_BUS_KEY_NAME or not hmac.compare_digest(fields["sig"].encode(), expected):
        return f"The token is not signed with the key '{SERVICE_BUS_KEY_NAME}'."
    if not fields["se"].isdecimal() or int(fields["se"]) * 1000 <= now:
        return "The token has expired."
    if not covered(path, [entity_path(fields["sr"])]):
        return f"The token is for '{fields['sr']}', not for '{path}'."
    return None


def manage(broker: Broker, path: str, now: Callable[[], int], request: Message) -> bytes:
    """The answer to a request about an entity; one without a body means that there is nothing."""
    properties = request.application_properties()
    operation = str(properties.get("operation", "")).removeprefix("com.microsoft:")
    status: dict[str, Any] = {"statusCode": Int(200), "statusDescription": "OK"}
    body: Any = None
    try:
        asked, link = amqp_value(request), properties.get("associated-link-name")
        body = _done(broker, path, operation, asked, link, now())
        if body is None:
            status = {"statusCode": Int(204), "statusDescription": "No Content"}
    except (Refused, KeyError, TypeError, ValueError, AttributeError) as error:
        if not isinstance(error, Refused):
            error = Refused("com.microsoft:argument-error", f"The request '{operation}' cannot be read: {error!r}.")
        code = next((code for end, code in _STATUS.items() if error.condition.endswith(end)), 400)
        status = {"statusCode": Int(code), "statusDescription": error.description}
        status["errorCondition"] = Symbol(error.condition)
    return encode_answer(request, status, body or {})


def _done(broker: Broker, path: str, operation: str, asked: Any, link: str | None, now: int) -> dict[str, Any] | None:
    """Do what is asked over a link, if the client says which; the body of the answer."""
    match operation:
        case "renew-lock":
            queue = broker.source(path)
            return {"expirations": tuple(Timestamp(queue.renew(each.bytes_le, now)) for each in asked["lock-tokens"])}
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
            return {"sequence-numbers": tuple(broker.destination(path).send(scheduled, now))}
        case "cancel-scheduled-message":
            broker.destination(path).cancel(asked["sequence-numbers"])
        case "receive-by-sequence-number":
            numbers, locks = asked["sequence-numbers"], asked["receiver-settle-mode"] != 0
            deferred = broker.source(path).receive_deferred(numbers, locks, asked.get("session-id"), now)
            return {"messages": [{"lock-token": token, "message": payload} for token, payload in deferred]}
        case "update-disposition":
            changes = dict(asked.get("properties-to-modify") or {})
            changes |= {name: asked[key] for key, name in _REASONS.items() if asked.get(key) is not None}
            decision = Settlement[_DECISIONS[asked["disposition-status"]]]
            for token in asked["lock-tokens"]:
                broker.source(path).settle(token.bytes_le, decision, now, changes)
        case _:
            raise Refused("amqp:not-implemented", f"'{operation}' is not supported by the local Service Bus.")
    return {}
