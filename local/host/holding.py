"""A switch for tests that kill the stack: `LOCAL_HOLD=before:NAME` holds a function for ever before it runs,
`after:NAME` when it has run, outputs included, and nobody has been told yet."""

from __future__ import annotations

import asyncio
import logging
import os

log = logging.getLogger("host")


async def hold(moment: str, function: str) -> None:
    """Return at once, unless this function is to be held at this moment."""
    if os.environ.get("LOCAL_HOLD") == f"{moment}:{function}":
        log.warning("Holding 'Functions.%s' %s it has run", function, moment)
        await asyncio.Event().wait()
