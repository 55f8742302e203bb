"""What is kept for a time only, and for how long: longer than any redelivery, redrive, replay or open session needs it.

Events are not among it: they are kept until their learner is erased. A replay brings marks of its own, so the inbox
need not remember for its sake.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError
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


class Retention:
    """Deletes what was last written longer ago than it is kept for. Safe to run twice and at the same time."""

    def __init__(
        self,
        tables: Tables,
        blobs: Blobs,
        clock: Clock,
        *,
        kept_rows: Mapping[str, timedelta] = TABLES,
        kept_blobs: Mapping[str, timedelta] = BLOBS,
    ) -> None:
        self._tables = tables
        self._blobs = blobs
        self._clock = clock
        self._rows = kept_rows
        self._files = kept_blobs

    async def purge(self) -> dict[str, int]:
        """How many were deleted of each; what storage does not answer for is left to the next time."""
        purged: dict[str, int] = {}
        now = self._clock()
        for name, kept in self._rows.items():
            try:
                purged[f"table {name}"] = await self._tables.table(name).purge(now - kept)
            except AppError as failure:
                log.warning("retention.failed", extra={"table": name, "code": failure.code})
        for name, kept in self._files.items():
            try:
                purged[f"container {name}"] = await self._blobs.purge(name, now - kept)
            except AppError as failure:
                log.warning("retention.failed", extra={"container": name, "code": failure.code})
        return purged
