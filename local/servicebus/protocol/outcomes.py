"""What became of a delivery, as both sides say it (specification, 3.4)."""

from __future__ import annotations

from enum import IntEnum

from local.servicebus.amqp.frames import amqp_error
from local.servicebus.amqp.values import Described, Ulong
from local.servicebus.broker.refused import Condition, Refused


class Outcome(IntEnum):
    """Descriptors of delivery states."""

    ACCEPTED = 0x24
    REJECTED = 0x25
    RELEASED = 0x26
    MODIFIED = 0x27
    TRANSACTIONAL = 0x34


ACCEPTED = Described(Ulong(Outcome.ACCEPTED), [])
DEAD_LETTERED = Described(Ulong(Outcome.REJECTED), [None])
"""Confirms that a delivery was rejected, as asked; with an error it would mean that this failed."""


def rejected(refusal: Refused) -> Described:
    """A delivery, or a settlement, was not taken."""
    return Described(Ulong(Outcome.REJECTED), [amqp_error(refusal.condition, refusal.description)])


def no_transactions() -> Refused:
    """Whatever belongs to a transaction is refused."""
    return Refused(Condition.NOT_IMPLEMENTED, "Transactions are not supported by the local Service Bus.")
