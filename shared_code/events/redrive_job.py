"""Redriving many letters: a page of them at a time, in the order in which they died."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from shared_code.events.job import Job
from shared_code.events.letter import Selection, Summary
from shared_code.events.letters import Letters
from shared_code.events.redrive import Redrive

KIND = "redrive"
PAGE = 500  # letters; the more at once, the fewer times the queue's sessions are opened


class RedriveJob:
    """The order is a Selection. Letters that die after the job was started are not its own, or it might never end."""

    def __init__(self, letters: Letters, redrive: Redrive) -> None:
        self._letters = letters
        self._redrive = redrive

    async def step(self, job: Job) -> Job:
        """Count first, then redrive a page."""
        selection = msgspec.convert(job.order, Selection)
        if job.total is None:
            found = [each async for each in self._letters.summaries(job.tenant, selection) if _is_of(job, each)]
            return replace(job, total=len(found), state="running" if found else "done")
        page = [
            each
            async for each in self._letters.summaries(
                job.tenant, selection, after=job.cursor.get("after", ""), limit=PAGE
            )
        ]
        mine = [each for each in page if _is_of(job, each)]
        letters = await self._letters.open_all(job.tenant, [each.id for each in mine])
        outcome = await self._redrive.redrive(job.tenant, letters, by=job.by)
        last = len(page) < PAGE or len(mine) < len(page)
        skipped = job.skipped + len(mine) - len(outcome.accepted)
        done = job.done + len(outcome.accepted)
        return replace(
            job,
            done=max(done, job.total - skipped) if last else done,  # a crash may have kept a page from being counted
            skipped=skipped,
            cursor={"after": mine[-1].id} if mine else job.cursor,
            state="done" if last else "running",
            trouble="",
        )

    async def tidy(self, job: Job) -> None:
        """Nothing is left: each letter is either redriven or as it was."""


def _is_of(job: Job, letter: Summary) -> bool:
    return letter.failed_at <= job.created_at
