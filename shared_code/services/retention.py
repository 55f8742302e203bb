"""What is kept for a time only, and for how long: longer than any redelivery, redrive, replay or open session needs it.

Events are not among it: they are kept until their learner is erased. A replay brings marks of its own, so the inbox
need not remember for its sake.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError
from shared_code.events.jobs import Jobs
from shared_code.storage.blobs import Blobs
from shared_code.storage.tables import Tables

log = logging.getLogger(__name__)

TABLES: Mapping[str, timedelta] = {
    "inbox": timedelta(days=60),  # marks what was handled; messages live for days, and what died was not handled
    "correlations": timedelta(days=400),  # whoever asks later finds events by learner, or by type and time
    "sessions": timedelta(days=90),  # a session lasts hours
    "channel": timedelta(days=90),
    "webhookdeliveries": timedelta(days=30),  # attempts end after three days
}
BLOBS: Mapping[str, timedelta] = {"attempts": timedelta(days=90)}
JOBS = timedelta(days=90)  # redrives and replays, after their end; what was done is in the audit and the lake


class Retention:
    """Deletes what was last written, and jobs that ended, longer ago than they are kept for.

    Safe to run twice and at the same time.
    """

    def __init__(
        self,
        tables: Tables,
        blobs: Blobs,
        jobs: Jobs,
        clock: Clock,
        *,
        kept_jobs: timedelta = JOBS,
        kept_rows: Mapping[str, timedelta] = TABLES,
        kept_blobs: Mapping[str, timedelta] = BLOBS,
    ) -> None:
        self._tables = tables
        self._blobs = blobs
        self._jobs = jobs
        self._clock = clock
        self._kept_jobs = kept_jobs
        self._rows = kept_rows
        self._files = kept_blobs

    async def purge(self) -> dict[str, int]:
        """How many were deleted of each; what storage does not answer for is left to the next time."""
        now, purged = self._clock(), dict[str, int]()
        for name, purge, kept in self._purges():
            try:
                purged[name] = await purge(now - kept)
            except AppError as failure:
                log.warning("retention.failed", extra={"what": name, "code": failure.code})
        return purged

    def _purges(self) -> Iterator[tuple[str, Callable[[datetime], Awaitable[int]], timedelta]]:
        for name, kept in self._rows.items():
            yield f"table {name}", self._tables.table(name).purge, kept
        for name, kept in self._files.items():
            yield f"container {name}", partial(self._blobs.purge, name), kept
        yield "jobs", self._jobs.purge, self._kept_jobs
