"""A limit on how long something may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared_code.domain.errors import DeadlineExceeded


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Cancel the body after so many seconds and raise DeadlineExceeded, which names `what` took too long."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise DeadlineExceeded(f"{what} took longer than {seconds:g} s") from error
