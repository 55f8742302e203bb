"""What is refused, in the conditions by which clients recognise it."""

from typing import Literal

type Condition = Literal[  # AMQP's (specification, 2.8.14) and Service Bus's own
    "amqp:decode-error", "amqp:invalid-field", "amqp:link:message-size-exceeded", "amqp:not-allowed",
    "amqp:not-found", "amqp:not-implemented", "amqp:unauthorized-access", "com.microsoft:argument-error",
    "com.microsoft:message-lock-lost", "com.microsoft:message-not-found", "com.microsoft:server-busy",
    "com.microsoft:session-cannot-be-locked", "com.microsoft:session-lock-lost", "com.microsoft:timeout",
]  # fmt: skip


class Refused(Exception):
    """What is answered with an error; clients look at the condition, people at the description."""

    def __init__(self, condition: Condition, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition, self.description = condition, description


class DecodeError(Refused):
    """Bytes that are not AMQP 1.0."""

    def __init__(self, description: str) -> None:
        super().__init__("amqp:decode-error", description)
