"""`$cbs`: shared access signatures, and what they let a connection do."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.connections import SERVICE_BUS_KEY, SERVICE_BUS_KEY_NAME
from local.servicebus.amqp.codec import Int, Symbol
from local.servicebus.amqp.message import Message, amqp_value, encode_answer
from local.servicebus.refused import Condition


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
        status = {"status-code": Int(401), "status-description": fault}
        status["error-condition"] = Symbol(Condition.UNAUTHORIZED)
    else:
        grants.add(path)
    return encode_answer(request, status, None)


def _fault(token: str, path: str, now: int) -> str | None:
    """Why a token is not signed with our key, valid now and for this path; None if it is. Nobody vouches for a JWT.

    Format: learn.microsoft.com/azure/service-bus-messaging/service-bus-sas. What is signed is the resource as written.
    """
    kind, _, signature = token.partition(" ")
    if kind != "SharedAccessSignature":
        return "The token is not a shared access signature."
    raw = dict(part.split("=", 1) for part in signature.split("&") if "=" in part)
    fields = {"sig": "", "se": "", "sr": "none", **dict(parse_qsl(signature))}
    signed = f"{raw.get('sr')}\n{raw.get('se')}".encode()
    expected = base64.b64encode(hmac.digest(SERVICE_BUS_KEY.encode(), signed, hashlib.sha256))
    if fields.get("skn") != SERVICE_BUS_KEY_NAME or not hmac.compare_digest(fields["sig"].encode(), expected):
        return f"The token is not signed with the key '{SERVICE_BUS_KEY_NAME}'."
    if not fields["se"].isdecimal() or int(fields["se"]) * 1000 <= now:
        return "The token has expired."
    if not covered(path, [entity_path(fields["sr"])]):
        return f"The token is for '{fields['sr']}', not for '{path}'."
    return None
