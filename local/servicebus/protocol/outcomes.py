"""What became of a delivery, as both sides say it (specification, 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from local.servicebus.amqp.frames import amqp_error
from local.servicebus.amqp.values import Described, Ulong
from local.servicebus.broker.queue import Settlement
from local.servicebus.broker.refused import Condition, Refused


class Outcome(IntEnum):
    """Descriptors of delivery states."""

    ACCEPTED = 0x24
    REJECTED = 0x25
    RELEASED = 0x26
    MODIFIED = 0x27
    TRANSACTIONAL = 0x34


ACCEPTED = Described(Ulong(Outcome.ACCEPTED), [])


def rejected(refusal: Refused) -> Described:
    """A delivery, or a settlement, was not taken."""
    return Described(Ulong(Outcome.REJECTED), [amqp_error(refusal.condition, refusal.description)])


def no_transactions() -> Refused:
    """Whatever belongs to a transaction is refused."""
    return Refused(Condition.NOT_IMPLEMENTED, "Transactions are not supported by the local Service Bus.")


def decided(state: Described) -> tuple[Settlement, Mapping[str, Any], Described]:
    """What a receiver decided, the properties that it sets, and the outcome that confirms it. Raises Refused."""
    match state.descriptor:
        case Outcome.ACCEPTED:
            return Settlement.COMPLETE, {}, ACCEPTED
        case Outcome.RELEASED:
            return Settlement.RELEASE, {}, state
        case Outcome.MODIFIED:
            decision = Settlement.DEFER if state.field(1) is True else Settlement.ABANDON
            return decision, _given(state.field(2)), state
        case Outcome.REJECTED:  # confirmed without the error, which would mean that this failed
            error = state.field(0)
            info = error.field(2) if isinstance(error, Described) else None
            return Settlement.DEAD_LETTER, _given(info), Described(Ulong(Outcome.REJECTED), [None])
    raise no_transactions()


def _given(changes: Any) -> dict[str, Any]:
    """The entries of a map that have a value, under plain names."""
    if not isinstance(changes, dict | None):
        raise Refused(Condition.INVALID_FIELD, "Properties to modify are a map.")
    return {str(key): value for key, value in (changes or {}).items() if value is not None}
