"""Correlation filters: which messages of a topic a subscription wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.servicebus.amqp import message as amqp

SYSTEM_PROPERTIES = {
    "ContentType": amqp.CONTENT_TYPE,
    "CorrelationId": amqp.CORRELATION_ID,
    "Label": amqp.SUBJECT,
    "MessageId": amqp.MESSAGE_ID,
    "ReplyTo": amqp.REPLY_TO,
    "ReplyToSessionId": amqp.REPLY_TO_GROUP_ID,
    "SessionId": amqp.GROUP_ID,
    "To": amqp.TO,
}
"""Names in a filter, as Microsoft's emulator spells them, to the field of a message's properties."""


@dataclass(frozen=True)
class CorrelationFilter:
    """True for messages whose given fields are all equal to these; with none given, for every message."""

    system: Mapping[str, str]
    properties: Mapping[str, Any]

    def matches(self, message: amqp.Message) -> bool:
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
