"""Trying again: after a random wait that doubles, and only where it can help."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from shared_code.domain.errors import AppError


def retryable(error: Exception) -> bool:
    """Whether an error says of itself that trying again can help."""
    return isinstance(error, AppError) and error.retryable


def backoff(attempt: int, *, first: float, longest: float) -> float:
    """Seconds to wait after the given failed attempt, counted from 0.

    "Full jitter" (aws.amazon.com/builders-library, "Timeouts, retries, and backoff with jitter"): evenly spread between
    nothing and `first` doubled with each attempt, at most `longest`.
    """
    return random.uniform(0, min(longest, first * 2**attempt))  # noqa: S311  spreads load, guards nothing


async def retry[T](
    call: Callable[[], Awaitable[T]],
    *,
    attempts: int,
    first: float,
    longest: float,
    when: Callable[[Exception], bool] = retryable,
) -> T:
    """Call up to `attempts` times while `when` says that the error may pass; the last error is raised as it came.

    An error's own `retry_after` is the least wait, up to `longest`; where it asks for more, the error is raised.
    """
    for attempt in range(attempts):
        try:
            return await call()
        except Exception as error:
            asked = getattr(error, "retry_after", None) or 0.0
            if attempt + 1 == attempts or asked > longest or not when(error):
                raise
            await asyncio.sleep(max(asked, backoff(attempt, first=first, longest=longest)))
    raise ValueError("attempts must be at least 1")
