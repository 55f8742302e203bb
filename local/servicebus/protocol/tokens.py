"""`$cbs`: shared access signatures, and what they let a connection do."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.connections import SERVICE_BUS_KEY, SERVICE_BUS_KEY_NAME
from local.servicebus.amqp.message import Message, amqp_value, encode_answer
from local.servicebus.amqp.values import Int, Symbol
from local.servicebus.broker.refused import Condition, Refused


def entity_path(address: object) -> str:
    """The path of an address, `sb://host/path` or the path alone, in lower case; empty for none."""
    if not isinstance(address, str):
        return ""
    return unquote(urlsplit(address).path if "://" in address else address).strip("/").lower()


class Grants:
    """The entities that a connection may use. A grant covers an entity and every path below it."""

    def __init__(self) -> None:
        self._paths: set[str] = set()

    def add(self, audience: str, token: str, now: int) -> None:
        """Grant what a valid signature is for. Raises Refused, for a JWT too: there is nobody to ask about it."""
        path = entity_path(audience)
        kind, _, signature = token.partition(" ")
        if kind != "SharedAccessSignature":
            raise _unauthorized("The token is not a shared access signature.")
        _check_signature(signature, path, now)
        self._paths.add(path)

    def check(self, path: str) -> None:
        """Raise Refused unless a grant covers the path."""
        if not any(_covers(granted, path) for granted in self._paths):
            raise _unauthorized(f"No token was presented for '{path}' on this connection.")


def put_token(grants: Grants, now: Callable[[], int], request: Message) -> bytes:
    """The answer to a request to `$cbs`, which brings a token for an entity."""
    status: dict[str, Any] = {"status-code": Int(202), "status-description": "Accepted"}
    try:
        grants.add(str(request.application_properties().get("name")), str(amqp_value(request)), now())
    except Refused as refusal:
        status = {"status-code": Int(401), "status-description": refusal.description}
        status["error-condition"] = Symbol(refusal.condition)
    return encode_answer(request, status, None)


def _covers(granted: str, path: str) -> bool:
    return granted in ("", path) or path.startswith(granted + "/")


def _check_signature(token: str, path: str, now: int) -> None:
    """Raise Refused unless the token is signed with our key, still valid and for this path.

    Format: learn.microsoft.com/azure/service-bus-messaging/service-bus-sas. What is signed is the resource as written.
    """
    raw = dict(part.split("=", 1) for part in token.split("&") if "=" in part)
    fields = dict(parse_qsl(token))
    signed = f"{raw.get('sr')}\n{raw.get('se')}".encode()
    expected = base64.b64encode(hmac.digest(SERVICE_BUS_KEY.encode(), signed, hashlib.sha256))
    if fields.get("skn") != SERVICE_BUS_KEY_NAME or not hmac.compare_digest(fields.get("sig", "").encode(), expected):
        raise _unauthorized(f"The token is not signed with the key '{SERVICE_BUS_KEY_NAME}'.")
    if not fields["se"].isdecimal() or int(fields["se"]) * 1000 <= now:
        raise _unauthorized("The token has expired.")
    if not _covers(entity_path(fields["sr"]), path):
        raise _unauthorized(f"The token is for '{fields['sr']}', not for '{path}'.")


def _unauthorized(why: str) -> Refused:
    return Refused(Condition.UNAUTHORIZED, why)
