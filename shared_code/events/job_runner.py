"""Doing jobs, a step at a time, on whichever instance has the timer: after a crash the next round goes on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from shared_code.domain.errors import AppError, Conflict
from shared_code.events.job import Job
from shared_code.events.jobs import Jobs
from shared_code.events.redelivery import may_pass

log = logging.getLogger(__name__)

TURN = 20.0  # seconds of one round, so that a job that was started meanwhile begins soon


class Work(Protocol):
    """One kind of job."""

    async def step(self, job: Job) -> Job:
        """Do a little and say how far the job is; `state` tells whether there is more.

        A step may be run twice: the process may die before its outcome is written down.
        """
        ...

    async def tidy(self, job: Job) -> None:
        """Clear up after a job that was cancelled."""
        ...


class JobRunner:
    """Does the steps of all jobs that run, one job beside the other."""

    def __init__(self, jobs: Jobs, works: Mapping[str, Work]) -> None:
        self._jobs = jobs
        self._works = works

    async def round(self, *, turn: float = TURN) -> int:
        """Work for about so many seconds, or until there is nothing to do; how many jobs were worked on."""
        ends = time.monotonic() + turn
        unended = [job async for job in self._jobs.unended()]
        running = [job for job in unended if job.state == "running"]
        cancelled = [job for job in unended if job.state == "cancelled"]
        await asyncio.gather(*(self._work(job, ends) for job in running), *(self._tidy(job) for job in cancelled))
        return len(running)

    async def _tidy(self, job: Job) -> None:
        try:
            await self._works[job.kind].tidy(job)
            await self._jobs.over(job)
        except AppError as failure:  # the next round tries again
            log.warning("job.not_tidied", extra={"job": job.id, "kind": job.kind, "code": failure.code})

    async def _work(self, job: Job, ends: float) -> None:
        work = self._works[job.kind]
        while job.state == "running":
            try:
                after = await work.step(job)
            except Exception as failure:  # noqa: BLE001  the outermost boundary of a job: it is that job's fault alone
                after = _in_trouble(job, failure)
            try:
                job = await self._jobs.progress(job, after)
            except Conflict:
                return  # another instance is at it
            if job.trouble or time.monotonic() > ends:
                return


def _in_trouble(job: Job, failure: Exception) -> Job:
    """What passes is waited for; what does not ends the job, until an operator lets it go on."""
    code = failure.code if isinstance(failure, AppError) else type(failure).__name__
    passes = isinstance(failure, AppError) and may_pass(failure)
    log.warning("job.trouble", extra={"job": job.id, "kind": job.kind, "code": code})
    return replace(job, trouble=code, state="running" if passes else "failed")
