"""A replay: a page of streams, or of events, a step. What it needs to go on after a crash is in the job's cursor."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from shared_code.domain.errors import AppError
from shared_code.events.event_source import BROKEN, EventSource
from shared_code.events.job import Job
from shared_code.events.lake_archive import LakeArchive
from shared_code.events.projection import Projection
from shared_code.events.rebuild import Rebuild
from shared_code.events.redeliveries import Redeliveries
from shared_code.events.replay_feed import FEED, Feed
from shared_code.events.replay_order import ReplayOrder
from shared_code.events.store import EventStore
from shared_code.storage.lake import Lake

log = logging.getLogger(__name__)

STREAMS = 40  # of one step
AT_ONCE = 4
BUILD, SWAP = "build", "swap"


class ReplayJob:
    """The order is a ReplayOrder. The cursor has the phase and the stream that is done."""

    def __init__(
        self,
        *,
        store: EventStore,
        archive: LakeArchive,
        redeliveries: Redeliveries,
        projections: Sequence[Projection],
        lake: Lake,
    ) -> None:
        self._store = store
        self._archive = archive
        self._feed = Feed(store, redeliveries)
        self.projections: Mapping[str, Projection] = {each.name: each for each in projections}
        self._lake = lake

    def rebuild(self, job: Job) -> Rebuild:
        """What a job has built, or builds."""
        order = msgspec.convert(job.order, ReplayOrder)
        return Rebuild(self._store, self.projections[order.projection], job.id, self._source(order))

    async def step(self, job: Job) -> Job:
        """Count the streams first; then do a page."""
        order = msgspec.convert(job.order, ReplayOrder)
        started = time.perf_counter()
        if job.total is None:
            total = 0
            async for _ in self._streams(order):
                total += 1
            phase = BUILD if order.projection else FEED
            after = replace(job, total=total, cursor={"phase": phase}, state="running" if total else "done")
        elif job.cursor["phase"] == FEED:
            streams = self._streams(order, job.cursor.get("stream", ""), including=job.cursor.get("version", 0) > 0)
            after = await self._feed.step(job, order, self._source(order), streams)
        elif job.cursor["phase"] == SWAP:
            after = await self._swap(job)
        else:
            after = await self._build(job, order)
        self._record(after, order, (time.perf_counter() - started) * 1000)
        return replace(after, trouble="")

    async def tidy(self, job: Job) -> None:
        """Delete what a cancelled rebuilding has left."""
        if job.order["projection"]:
            await self.rebuild(job).forget()

    async def _build(self, job: Job, order: ReplayOrder) -> Job:
        page = await _page(self._streams(order, job.cursor.get("stream", "")))
        rebuild = self.rebuild(job)

        async def build(stream: str) -> int | None:
            try:
                return await rebuild.build(stream, job.tenant)
            except BROKEN as failure:
                _say_skipped(stream, failure)
                return None

        events = await _some(page, build)
        mine = [count for count in events if count is not None]
        built = replace(
            job,
            done=job.done + len(mine),
            skipped=job.skipped + len(page) - len(mine),
            cursor={
                "phase": BUILD,
                "stream": page[-1] if page else job.cursor.get("stream", ""),
                "events": job.cursor.get("events", 0) + sum(mine),
            },
        )
        if len(page) == STREAMS:
            return built
        return in_swap(built) if order.swap else replace(built, state="built")

    async def _swap(self, job: Job) -> Job:
        rebuild = self.rebuild(job)
        page = await _page(rebuild.built())

        async def swap(stream: str) -> bool:
            try:
                await rebuild.swap(stream)
            except BROKEN as failure:
                _say_skipped(stream, failure)
                await rebuild.give_up(stream)
                return False
            return True

        done = sum(await _some(page, swap))
        broken = len(page) - done
        swapped = replace(
            job,
            total=(job.total or 0) - broken,
            done=job.done + done,
            skipped=job.skipped + broken,
            cursor={**job.cursor, "stream": page[-1] if page else ""},
        )
        if len(page) == STREAMS:
            return swapped
        return replace(swapped, done=max(swapped.done, swapped.total or 0), state="done")

    async def _streams(self, order: ReplayOrder, after: str = "", *, including: bool = False) -> AsyncIterator[str]:
        """The order's streams after this one, or from it on."""
        if order.stream:
            if not after or including:
                yield order.stream
            return
        if including:
            yield after
        async for stream in self._source(order).streams(after=after):
            yield stream

    def _source(self, order: ReplayOrder) -> EventSource:
        return self._store if order.source == "store" else self._archive.between(order.start, order.end)

    def _record(self, job: Job, order: ReplayOrder, milliseconds: float) -> None:
        facts = {
            "replay": job.id,
            "state": job.state,
            "phase": job.cursor.get("phase", ""),
            "total": job.total,
            "done": job.done,
            "skipped": job.skipped,
            "events": job.cursor.get("events", 0),
            "ms": round(milliseconds, 3),
            "by": job.by,
        }
        self._lake.write("integration", "event_bus/event_replay_data", facts | order.facts())


def in_swap(job: Job) -> Job:
    """A job whose documents are built, about to swap them in."""
    return replace(
        job,
        state="running",
        total=job.done,
        done=0,
        cursor={"phase": SWAP, "stream": "", "events": job.cursor.get("events", 0)},
    )


def _say_skipped(stream: str, failure: AppError) -> None:
    log.warning("replay.stream_skipped", extra={"learner": stream, "code": failure.code})


async def _page(streams: AsyncIterator[str]) -> list[str]:
    page: list[str] = []
    async for stream in streams:
        page.append(stream)
        if len(page) == STREAMS:
            break
    return page


async def _some[T](streams: Sequence[str], work: Callable[[str], Awaitable[T]]) -> list[T]:
    """Work on all of them, a few at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(stream: str) -> T:
        async with gate:
            return await work(stream)

    return await asyncio.gather(*(one(stream) for stream in streams))
