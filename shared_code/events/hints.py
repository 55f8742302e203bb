"""What a message's body says about itself, whether or not it is an event that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared_code.domain.events.decoding import DEFAULT_TENANT
from shared_code.domain.json_text import NoJson, read_json
from shared_code.events.message import IncomingMessage

LONGEST_TEXT = 128  # of what a body says about itself
LONGEST_TENANT = 64
TENANT = "tenantid"


def members(body: bytes) -> dict[str, Any]:
    """The members of a body that is a JSON object; none of any other."""
    try:
        found = read_json(body)
    except NoJson:
        return {}
    return found if isinstance(found, dict) else {}


def text(found: Mapping[str, Any], name: str) -> str:
    """A member that is text, as far as it goes into a row and a message."""
    value = found.get(name)
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""


def tenant_of(message: IncomingMessage, found: Mapping[str, Any]) -> str:
    """Whose it is: as its body says, the default where that says nothing, as for an event that is handled.

    Where the body is no JSON object, as the message's properties say.
    """
    said = text(found if found else message.properties, TENANT)
    return said[:LONGEST_TENANT] or DEFAULT_TENANT


def subject_of(message: IncomingMessage, found: Mapping[str, Any]) -> str:
    """Whom it is about: as its body says, or its session."""
    return text(found, "subject") or message.session_id[:LONGEST_TEXT] or "unknown"
