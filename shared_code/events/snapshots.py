"""Earlier states of a projection's documents: what computes one anew need not read its whole stream."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from shared_code.domain.errors import AppError
from shared_code.storage.documents import Documents

log = logging.getLogger(__name__)

EVERY = 500  # events
KEPT = 2  # so that there is one from before whatever is among the last `EVERY` events


class Snapshots:
    """The last two of each stream, written by turns beside the live documents, sealed like them.

    They only save work: one that could not be written is none, and the stream has everything that one says.
    """

    def __init__(self, live: Documents[Any], name: str, *, every: int = EVERY) -> None:
        self._places = [live.beside(f"{name}-snapshot-{number}") for number in range(KEPT)]
        self._every = every

    async def keep(self, stream: str, document: Any, *, since: int) -> None:
        """Keep a document that has come past another `every` events since this position."""
        turn = document.position // self._every
        if turn == since // self._every:
            return
        try:
            await self._places[turn % KEPT].put(stream, document)
        except AppError as failure:
            log.warning("snapshots.not_kept", extra={"learner": stream, "code": failure.code})

    async def of(self, stream: str) -> list[Any]:
        """What there is of a stream, the latest first, whichever version of the fold has made it."""
        found = await asyncio.gather(*(place.load(stream) for place in self._places))
        return sorted((each for each in found if each.position), key=lambda each: -int(each.position))

    async def forget(self, stream: str) -> None:
        """Delete what there is of a stream."""
        await asyncio.gather(*(place.delete(stream) for place in self._places))
