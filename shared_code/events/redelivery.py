"""When an event is tried again: at once, then after a while by a scheduled message, then by an operator alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from shared_code.domain.errors import AppError, Conflict
from shared_code.resilience.retry import retry

ATTEMPTS, SHORTEST, SHORT = 3, 0.1, 0.5  # at once: so many, with rests of so many seconds
DELAYS = (timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=30))
FIRST, LONGEST = 0.5, 15.0  # seconds; ten deliveries last 75, more than a restart or a fail-over takes


def may_pass(failure: Exception) -> bool:
    """Whether trying again can help: all but what says of itself that it cannot. Who lost a race may win the next."""
    return not isinstance(failure, AppError) or failure.retryable or isinstance(failure, Conflict)


async def at_once[T](call: Callable[[], Awaitable[T]]) -> T:
    """Call, again at once while the failure may pass; the last failure is raised as it came."""
    return await retry(call, attempts=ATTEMPTS, first=SHORTEST, longest=SHORT, when=may_pass)


def rest(delivery_count: int) -> float:
    """Seconds to wait before the bus has a message again after its n-th delivery: doubled each time.

    For what cannot be parked, because storage or the bus itself does not answer: an outage must not use up the
    deliveries. The message's session is held meanwhile, which holds up nobody: nothing can be handled then.
    """
    return float(min(LONGEST, FIRST * 2 ** (delivery_count - 1)))
