"""What is refused, in the conditions by which clients recognise it."""

from __future__ import annotations

from enum import StrEnum


class Condition(StrEnum):
    """AMQP error conditions (specification, 2.8.14) and Service Bus's own."""

    NOT_FOUND = "amqp:not-found"
    NOT_ALLOWED = "amqp:not-allowed"
    NOT_IMPLEMENTED = "amqp:not-implemented"
    UNAUTHORIZED = "amqp:unauthorized-access"
    DECODE_ERROR = "amqp:decode-error"
    INVALID_FIELD = "amqp:invalid-field"
    SIZE_EXCEEDED = "amqp:link:message-size-exceeded"
    ARGUMENT_ERROR = "com.microsoft:argument-error"
    MESSAGE_LOCK_LOST = "com.microsoft:message-lock-lost"
    MESSAGE_NOT_FOUND = "com.microsoft:message-not-found"
    SERVER_BUSY = "com.microsoft:server-busy"
    SESSION_LOCK_LOST = "com.microsoft:session-lock-lost"
    SESSION_CANNOT_BE_LOCKED = "com.microsoft:session-cannot-be-locked"
    TIMEOUT = "com.microsoft:timeout"


class Refused(Exception):
    """What is answered with an error; clients look at the condition, people at the description."""

    def __init__(self, condition: Condition, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


class DecodeError(Refused):
    """Bytes that are not AMQP 1.0."""

    def __init__(self, description: str) -> None:
        super().__init__(Condition.DECODE_ERROR, description)
