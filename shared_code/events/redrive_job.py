"""Redriving many letters: a page of them at a time, in the order in which they died."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from shared_code.events.job import Job
from shared_code.events.letter import Letter, Selection, Summary
from shared_code.events.letters import Letters
from shared_code.events.redrive import Redrive

KIND = "redrive"
PAGE = 2000  # letters; the more at once, the fewer times the queue's sessions are opened
PAGE_BYTES = 16_000_000


class RedriveJob:
    """The order is a Selection. Letters that die after the job was started are not its own, or it might never end."""

    def __init__(self, letters: Letters, redrive: Redrive) -> None:
        self._letters = letters
        self._redrive = redrive

    async def step(self, job: Job) -> Job:
        """Count first, then redrive a page."""
        selection = msgspec.convert(job.order, Selection)
        if job.total is None:
            total = 0
            async for each in self._letters.summaries(job.tenant, selection):
                total += _is_of(job, each)
            return replace(job, total=total, state="running" if total else "done")
        page, last = await self._page(job, selection)
        outcome = await self._redrive.redrive(job.tenant, page, by=job.by)
        skipped = job.skipped + len(page) - len(outcome.accepted)
        done = job.done + len(outcome.accepted)
        return replace(
            job,
            done=max(done, job.total - skipped) if last else done,  # a crash may have kept a page from being counted
            skipped=skipped,
            cursor={"after": page[-1].summary.id} if page else job.cursor,
            state="done" if last else "running",
            trouble="",
        )

    async def _page(self, job: Job, selection: Selection) -> tuple[list[Letter], bool]:
        """The next letters, and whether they are the last ones."""
        page: list[Letter] = []
        size = 0
        async for letter in self._letters.opened(job.tenant, selection, after=job.cursor.get("after", "")):
            if not _is_of(job, letter.summary):
                break
            if len(page) == PAGE or (page and size + letter.summary.size > PAGE_BYTES):
                return page, False
            page.append(letter)
            size += letter.summary.size
        return page, True

    async def tidy(self, job: Job) -> None:
        """Nothing is left: each letter is either redriven or as it was."""


def _is_of(job: Job, letter: Summary) -> bool:
    """By their ids, which are in the order of time: when it failed is what another system may say of its letter."""
    return letter.id <= job.id
