"""Correlation filters: which messages of a topic a subscription wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.servicebus.amqp.message import (
    CONTENT_TYPE,
    CORRELATION_ID,
    GROUP_ID,
    MESSAGE_ID,
    REPLY_TO,
    REPLY_TO_GROUP_ID,
    SUBJECT,
    TO,
    Message,
)

SYSTEM_PROPERTIES = {
    "ContentType": CONTENT_TYPE,
    "CorrelationId": CORRELATION_ID,
    "Label": SUBJECT,
    "MessageId": MESSAGE_ID,
    "ReplyTo": REPLY_TO,
    "ReplyToSessionId": REPLY_TO_GROUP_ID,
    "SessionId": GROUP_ID,
    "To": TO,
}
"""Names in a filter, as Microsoft's emulator spells them, to the field of a message's properties."""


@dataclass(frozen=True)
class CorrelationFilter:
    """True for messages whose given fields are all equal to these; with none given, for every message."""

    system: Mapping[str, str]
    properties: Mapping[str, Any]

    def matches(self, message: Message) -> bool:
        """Strings are compared with case, numbers by value, and nothing equals a value of another kind."""
        for name, wanted in self.system.items():
            if not _equal(message.properties[SYSTEM_PROPERTIES[name]], wanted):
                return False
        own = message.application_properties() if self.properties else {}
        return all(name in own and _equal(own[name], wanted) for name, wanted in self.properties.items())


def _equal(value: Any, wanted: Any) -> bool:
    for kind in (bool, int | float, str, bytes):  # bool first: to Python, True is an int and equals 1
        if isinstance(value, kind) or isinstance(wanted, kind):
            return isinstance(value, kind) and isinstance(wanted, kind) and value == wanted
    return bool(value == wanted)
