"""Jobs, kept where every instance sees them; each step's progress is written before the next step begins.

Table `jobs`, one partition: a row `j{id}` a job, and a row `a{id}` beside it as long as it has not ended, so that who
looks for work does not read what is over. One that was cancelled keeps it until what it left is tidied up. A row
`l{kind}|{digest of the tenant}|{id}` lists it, the digits of the id turned round: the last one comes first.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.domain.identifiers import uuid7
from shared_code.domain.principal import Principal
from shared_code.events.job import ENDED, Job, State
from shared_code.storage.rows import Change, Row
from shared_code.storage.tables import Tables

PARTITION = "jobs"
RACES = 20
_TURNED = str.maketrans("0123456789abcdef", "fedcba9876543210")
FROM: dict[State, frozenset[State]] = {
    "paused": frozenset({"running"}),
    "running": frozenset({"paused", "failed"}),
    "cancelled": frozenset({"running", "paused", "built", "failed"}),
}
"""What an operator may ask for, and the states in which it can be had."""


class Jobs:
    """All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._table = tables.table("jobs")
        self._clock = clock

    async def start(self, kind: str, order: Any, by: Principal, tenant: str) -> Job:
        """Have something done for a tenant. It begins within seconds."""
        now = self._clock()
        job = Job(
            id=uuid7(now),
            kind=kind,
            tenant=tenant,
            by=by.pseudonym,
            created_at=now,
            order=msgspec.to_builtins(order),
        )
        rows = (_row(job), Row(PARTITION, f"a{job.id}"), Row(PARTITION, _list_key(job)))
        await self._table.transact([Change("insert", row) for row in rows])
        return job

    async def get(self, kind: str, job_id: str) -> Job:
        """One job of a kind. Raises NotFound."""
        return (await self._get(kind, job_id))[0]

    async def page(self, kind: str, tenant: str, *, before: str = "", limit: int) -> list[Job]:
        """A tenant's jobs of a kind that were started before the one of this id, the last one first."""
        listed = _listed(kind, tenant)
        start = f"{listed}{_turned(before)}!" if before else listed
        ids = [
            _turned(row.key.removeprefix(listed))
            async for row in self._table.rows(PARTITION, start=start, end=f"{listed}~", limit=limit)
        ]
        found = await asyncio.gather(*(self._table.get(PARTITION, f"j{job_id}") for job_id in ids))
        return [_job(row) for row in found if row is not None]

    async def purge(self, before: datetime) -> int:
        """Delete jobs that ended before this moment, with nothing left to tidy up; how many."""
        unended = {row.key[1:] async for row in self._table.rows(PARTITION, start="a", end="b")}
        old: list[Job] = []
        async for row in self._table.rows(PARTITION, start="j", end="k"):
            job = _job(row)
            if job.created_at >= before:
                break
            if job.ended_at is not None and job.ended_at < before and job.id not in unended:
                old.append(job)
        await self._table.delete_all([Row(PARTITION, key) for job in old for key in (f"j{job.id}", _list_key(job))])
        return len(old)

    async def unended(self) -> AsyncIterator[Job]:
        """Jobs that have not ended, in the order in which they were started."""
        async for row in self._table.rows(PARTITION, start="a", end="b"):
            with suppress(NotFound):
                yield await self._any(row.key[1:])

    async def ask(self, kind: str, job_id: str, state: State) -> Job:
        """What an operator asks for: pause, go on, cancel. Conflict where the job's state does not allow it."""

        def asked(job: Job) -> Job:
            if job.state not in FROM[state]:
                allowed = " or ".join(sorted(FROM[state]))
                raise Conflict(
                    f"This is {job.state}; it would have to be {allowed}.", code="job-state", extra={"state": job.state}
                )
            return self._in(replace(job, trouble=""), state)

        return await self._change(kind, job_id, asked)

    async def progress(self, before: Job, after: Job) -> Job:
        """Write down what a step did; an operator who asked for something else meanwhile has it.

        Raises Conflict where somebody else has done a step: then this one's doing counts as a repetition of theirs.
        """

        def progressed(job: Job) -> Job:
            if (job.done, job.skipped, job.cursor) != (before.done, before.skipped, before.cursor):
                raise Conflict("Somebody else works on this.", code="job-taken")
            state = job.state if job.state != before.state else after.state
            return self._in(replace(after, state=job.state), state)

        return await self._change(before.kind, before.id, progressed)

    async def _change(self, kind: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        for _ in range(RACES):
            job, etag = await self._get(kind, job_id)
            changed = change(job)
            changes = [Change("replace", _row(changed, etag))]
            if changed.state in ENDED - {"cancelled"} and job.state not in ENDED:
                changes.append(Change("delete", Row(PARTITION, f"a{job_id}")))
            elif job.state in ENDED and changed.state not in ENDED:
                changes.append(Change("put", Row(PARTITION, f"a{job_id}")))
            try:
                await self._table.transact(changes)
            except Conflict:
                continue
            return changed
        raise Unavailable("Too many changes at once; try again.", code="job-busy", retry_after=1)

    def _in(self, job: Job, state: State) -> Job:
        return replace(job, state=state, ended_at=self._clock() if state in ENDED else None)

    async def over(self, job: Job) -> None:
        """Nothing is left to do about a cancelled job."""
        await self._table.delete(PARTITION, f"a{job.id}")

    async def again(self, kind: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Let a job go on that waits for an operator's word, as `change` says. Conflict for one that does not wait."""

        def changed(job: Job) -> Job:
            if job.state != "built":
                raise Conflict(
                    f"This is {job.state}; only what is built can be swapped in.",
                    code="job-state",
                    extra={"state": job.state},
                )
            return change(job)

        return await self._change(kind, job_id, changed)

    async def _get(self, kind: str, job_id: str) -> tuple[Job, str]:
        row = await self._table.get(PARTITION, f"j{job_id}")
        if row is None or (job := _job(row)).kind != kind:
            raise NotFound("There is no such job.")
        return job, row.etag

    async def _any(self, job_id: str) -> Job:
        row = await self._table.get(PARTITION, f"j{job_id}")
        if row is None:
            raise NotFound("There is no such job.")
        return _job(row)


def _list_key(job: Job) -> str:
    return f"{_listed(job.kind, job.tenant)}{_turned(job.id)}"


def _listed(kind: str, tenant: str) -> str:
    """What the keys of a tenant's list begin with; a digest, so that no tenant's name begins another's list."""
    return f"l{kind}|{hashlib.sha256(tenant.encode()).hexdigest()[:32]}|"


def _turned(job_id: str) -> str:
    """An id whose order is the reverse."""
    return job_id.translate(_TURNED)


def _row(job: Job, etag: str = "") -> Row:
    return Row(PARTITION, f"j{job.id}", {"job": msgspec.json.encode(job)}, etag)


def _job(row: Row) -> Job:
    return msgspec.json.decode(bytes(row.values["job"]), type=Job)  # type: ignore[arg-type]
