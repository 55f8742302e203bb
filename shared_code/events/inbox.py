"""Once per subscriber and event, however often the bus delivers it.

Table `inbox`: a row a subscriber and event, made only once: first a lease, then the mark that it was handled. The mark
is made after the handling, so a crash in between repeats it: handlers are idempotent, or start something that is.
Whoever only wants an event in its stream needs no mark but the event's own row there (docs/adr/0026).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from shared_code.domain.clock import Clock
from shared_code.events.lease import Lease
from shared_code.storage.tables import Tables

LEASE = timedelta(seconds=15)


class Inbox:
    """`lease` bounds how long an event waits after its handler was killed; a living handler renews it."""

    def __init__(self, tables: Tables, clock: Clock, *, lease: timedelta = LEASE) -> None:
        self._table = tables.table("inbox")
        self._clock = clock
        self._lease = lease

    @asynccontextmanager
    async def once(self, subscriber: str, event_id: str) -> AsyncIterator[bool]:
        """True if the event is to be handled in the body, False if it was before.

        A clean exit marks it as handled, an exception frees it. While somebody else handles it, this waits: to abandon
        the message at once would use up its deliveries. Raises LeaseHeld when it takes longer than a lease.
        """
        lease = Lease(self._table, f"{subscriber}|{event_id}", self._clock, self._lease)
        if not await lease.take():
            yield False
            return
        try:
            yield True
        except BaseException:
            await lease.free()
            raise
        await lease.mark()
