"""What is kept for a time only goes when its time is over, and not before."""

from __future__ import annotations

import uuid
from datetime import timedelta

from shared_code.domain.clock import utc_now
from shared_code.events.jobs import Jobs
from shared_code.services.retention import BLOBS, TABLES, Retention
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables


async def test_it_goes_when_its_time_is_over(azurite: str) -> None:
    account = StorageAccount(connection_string=azurite)
    tables, blobs = Tables(account), Blobs(account)
    name = f"kept{uuid.uuid4().hex[:8]}"
    table, kept = tables.table(name), timedelta(days=7)
    await table.insert(Row("p", "a/b", {"n": 1}))
    await table.insert(Row("q", "b", {"n": 2}))
    await blobs.put(name, "learner/attempt.json", b"{}")

    def as_of(later: timedelta) -> Retention:
        keeps = {name: kept, f"{name}x": kept}  # one of them is not there yet
        jobs = Jobs(tables, utc_now)
        return Retention(tables, blobs, jobs, lambda: utc_now() + later, kept_rows=keeps, kept_blobs=keeps)

    def counts(rows: int, files: int = 0) -> dict[str, int]:
        of_missing = {f"table {name}x": 0, f"container {name}x": 0}
        return {f"table {name}": rows, f"container {name}": files, "jobs": 0, **of_missing}

    assert await as_of(kept - timedelta(minutes=5)).purge() == counts(0)
    assert len([row async for row in table.rows()]) == 2
    assert await as_of(kept + timedelta(minutes=5)).purge() == counts(2, 1)
    assert [row async for row in table.rows()] == []
    assert [each async for each in blobs.names(name)] == []
    await tables.close()
    await blobs.close()


def test_marks_outlive_whatever_may_come_back() -> None:
    """A message lives 14 days at the most in any subscription, a session a day."""
    assert TABLES["inbox"] >= timedelta(days=60)
    assert TABLES["sessions"] == TABLES["channel"] == BLOBS["attempts"] >= timedelta(days=60)
