"""Shared access signatures, and what they let a connection do."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl

from local.keys import SERVICE_BUS_KEY, SERVICE_BUS_KEY_NAME
from local.servicebus.broker.refused import UNAUTHORIZED, Refused
from local.servicebus.protocol.termini import entity_path

_SAS = "SharedAccessSignature "


class Grants:
    """The entities that a connection may use. A grant covers an entity and every path below it."""

    def __init__(self) -> None:
        self._paths: set[str] = set()

    def add(self, audience: str, token: str, now: int) -> None:
        """Grant what a valid token is for. Raises Refused. A JWT can only be believed: there is no issuer to ask."""
        if token.startswith(_SAS):
            _check_signature(token.removeprefix(_SAS), entity_path(audience), now)
        elif token.count(".") != 2:
            raise Refused(UNAUTHORIZED, "The token is neither a shared access signature nor a JWT.")
        self._paths.add(entity_path(audience))

    def check(self, path: str) -> None:
        """Raise Refused unless a grant covers the path."""
        if not any(_covers(granted, path.lower()) for granted in self._paths):
            raise Refused(UNAUTHORIZED, f"No token was presented for '{path}' on this connection.")


def _covers(granted: str, path: str) -> bool:
    return granted == "" or path == granted or path.startswith(granted + "/")


def _check_signature(token: str, path: str, now: int) -> None:
    """Raise Refused unless the token is signed with our key, still valid and for this path.

    Signature: learn.microsoft.com/azure/service-bus-messaging/service-bus-sas. It is over the resource as written.
    """
    raw = dict(part.split("=", 1) for part in token.split("&") if "=" in part)
    fields = dict(parse_qsl(token))
    signed = f"{raw.get('sr', '')}\n{raw.get('se', '')}".encode()
    expected = base64.b64encode(hmac.digest(SERVICE_BUS_KEY.encode(), signed, hashlib.sha256))
    if fields.get("skn") != SERVICE_BUS_KEY_NAME or not hmac.compare_digest(fields.get("sig", "").encode(), expected):
        raise Refused(UNAUTHORIZED, f"The signature is not one of the key '{SERVICE_BUS_KEY_NAME}'.")
    expires = fields.get("se", "")
    if not expires.isdecimal() or int(expires) * 1000 <= now:
        raise Refused(UNAUTHORIZED, "The token has expired.")
    if not _covers(entity_path(fields["sr"]), path):
        raise Refused(UNAUTHORIZED, f"The token is for '{fields['sr']}', not for '{path}'.")
