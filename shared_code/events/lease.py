"""A lease on one row: held while it is kept alive, free again soon after its holder died."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from datetime import timedelta

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.errors import AppError, Conflict, NotFound, Unavailable
from shared_code.storage.rows import Row
from shared_code.storage.tables import Table

log = logging.getLogger(__name__)


class LeaseHeld(Unavailable):
    """Somebody else holds the lease and keeps it alive."""

    code = "lease-held"


class Lease:
    """One attempt at one row. When it ends, the row says `handled_at`, or is gone."""

    def __init__(self, table: Table, key: str, clock: Clock, duration: timedelta) -> None:
        self._table = table
        self._key = key
        self._clock = clock
        self._duration = duration
        self._owner = secrets.token_hex(8)
        self._etag = ""
        self._renewal: asyncio.Task[None] | None = None

    async def take(self) -> bool:
        """Take the lease and keep it alive; False where the row is marked as handled.

        A lease held elsewhere is waited for, for as long as one lasts without being renewed, since its holder may have
        died. Raises LeaseHeld when it is alive.
        """
        if not await self._inserted() and not await self._taken_over():
            return False
        self._renewal = asyncio.create_task(self._keep_alive())
        return True

    async def mark(self) -> None:
        """Mark the row as handled, for good."""
        await self._stop()
        values = {"handled_at": rfc3339(self._clock())}
        try:
            await self._table.replace(Row(self._key, "", values, self._etag))
        except (Conflict, NotFound):
            log.warning("lease.lost")  # we were too slow, and somebody else began; it is handled all the same
            await self._table.put(Row(self._key, "", values))

    async def free(self) -> None:
        """Let others take it at once; where storage does not answer, it runs out by itself."""
        await self._stop()
        with suppress(AppError):
            await self._table.delete(self._key, "", etag=self._etag)

    async def _inserted(self) -> bool:
        with suppress(Conflict):
            self._etag = await self._table.insert(self._row())
            return True
        return False

    async def _taken_over(self) -> bool:
        give_up = self._clock() + self._duration + timedelta(seconds=1)
        while True:
            row = await self._table.get(self._key, "")
            if row is None:
                if await self._inserted():
                    return True
            elif "handled_at" in row.values:
                return False
            elif row.values["owner"] == self._owner:  # our insert, whose answer was lost
                self._etag = row.etag
                return True
            elif parse_rfc3339(str(row.values["until"])) <= self._clock():
                with suppress(Conflict, NotFound):
                    self._etag = await self._table.replace(self._row(row.etag))
                    return True
            if self._clock() >= give_up:
                raise LeaseHeld("Somebody else is at it.", retry_after=self._duration.total_seconds())
            await asyncio.sleep(min(0.25, self._duration.total_seconds() / 4))

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._duration.total_seconds() / 3)
            try:
                self._etag = await self._table.replace(self._row(self._etag))
            except (Conflict, NotFound):
                return  # lost: `mark` and `free` will notice
            except AppError as failure:
                log.warning("lease.not_renewed", extra={"code": failure.code})

    async def _stop(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
            self._renewal = None

    def _row(self, etag: str = "") -> Row:
        values = {"owner": self._owner, "until": rfc3339(self._clock() + self._duration)}
        return Row(self._key, "", values, etag)
