"""Jobs are listed a page at a time, whoever has how many, and go when they have been over for long enough."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from shared_code.domain.errors import NotFound
from shared_code.domain.principal import Principal
from shared_code.events.job import Job
from shared_code.events.jobs import Jobs
from tests.shared_code.events.backbone import Backbone

pytestmark = pytest.mark.asyncio(loop_scope="session")
OPERATOR = Principal(id="op", tenant="sayzhong", pseudonym="operators-pseudonym", roles=frozenset({"operator"}))


class Days:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2001, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def tenant() -> str:
    return f"school-{uuid.uuid4().hex[:8]}"


def jobs_of(backbone: Backbone, clock: Days) -> Jobs:
    """Jobs in a table of their own: whoever works on those of other tests is to have nothing to do with these."""
    jobs = Jobs(backbone.tables, clock)
    jobs._table = backbone.tables.table(f"jobs{uuid.uuid4().hex[:8]}")
    return jobs


async def started(jobs: Jobs, tenant: str, kind: str = "redrive") -> Job:
    return await jobs.start(kind, {}, OPERATOR, tenant)


async def test_a_page_has_a_tenant_s_jobs_of_a_kind_the_last_one_first(backbone: Backbone, tenant: str) -> None:
    jobs = jobs_of(backbone, Days())
    made = [await started(jobs, tenant) for _ in range(5)]
    await started(jobs, tenant, "replay")
    await started(jobs, f"{tenant}|2")
    await started(jobs, f"{tenant}-2")
    first = await jobs.page("redrive", tenant, limit=2)
    rest = await jobs.page("redrive", tenant, before=first[-1].id, limit=9)
    assert [each.id for each in (*first, *rest)] == [each.id for each in reversed(made)]
    assert await jobs.page("redrive", tenant, before=made[0].id, limit=9) == []


async def test_jobs_that_ended_long_ago_go_and_others_stay(backbone: Backbone, tenant: str) -> None:
    days = Days()
    jobs = jobs_of(backbone, days)
    done, cancelled, paused, running = [await started(jobs, tenant) for _ in range(4)]
    await jobs.progress(done, replace(done, state="done"))
    await jobs.ask("redrive", cancelled.id, "cancelled")  # what it left is not tidied up yet
    await jobs.ask("redrive", paused.id, "paused")
    days.now += timedelta(days=100)
    late = await started(jobs, tenant)
    await jobs.progress(late, replace(late, state="done"))

    assert await jobs.purge(days.now - timedelta(days=101)) == 0
    assert await jobs.purge(days.now - timedelta(days=90)) == 1
    left = [each.id for each in await jobs.page("redrive", tenant, limit=9)]
    assert left == [late.id, running.id, paused.id, cancelled.id]
    with pytest.raises(NotFound):
        await jobs.get("redrive", done.id)
    await jobs.over(cancelled)
    assert await jobs.purge(days.now - timedelta(days=90)) == 1
