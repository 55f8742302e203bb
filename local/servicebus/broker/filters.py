"""Correlation filters: which messages of a topic a subscription wants."""

from __future__ import annotations

from typing import Any

import msgspec

from local.servicebus.amqp import message as amqp

_POSITIONS = (
    amqp.CONTENT_TYPE, amqp.CORRELATION_ID, amqp.SUBJECT, amqp.MESSAGE_ID, amqp.REPLY_TO, amqp.REPLY_TO_GROUP_ID,
    amqp.GROUP_ID, amqp.TO,
)  # fmt: skip
"""Where a message has what a filter's fields ask for, in their order."""


class CorrelationFilter(msgspec.Struct, rename="pascal", forbid_unknown_fields=True, frozen=True):
    """True for messages whose given fields are all equal to these; with none given, for every message.

    In a configuration the names are those of Microsoft's emulator: `ContentType`, `Label` and so on.
    """

    content_type: str | None = None
    correlation_id: str | None = None
    label: str | None = None
    message_id: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    session_id: str | None = None
    to: str | None = None
    properties: dict[str, Any] = {}

    def matches(self, message: amqp.Message) -> bool:
        """Strings are compared with case, numbers by value, and nothing equals a value of another kind."""
        for name, position in zip(self.__struct_fields__, _POSITIONS, strict=False):
            if getattr(self, name) not in (None, message.properties[position]):
                return False
        own = message.application_properties() if self.properties else {}
        return all(name in own and _equal(own[name], wanted) for name, wanted in self.properties.items())


def _equal(value: Any, wanted: Any) -> bool:
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)  # to Python, True equals 1
