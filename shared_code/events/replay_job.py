"""A replay: a page of streams, or of events, a step. What it needs to go on after a crash is in the job's cursor."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from shared_code.domain.clock import rfc3339
from shared_code.domain.events.catalogue import find
from shared_code.domain.events.topology import subscription_of
from shared_code.events.delivery import Delivery
from shared_code.events.job import Job
from shared_code.events.line import Line
from shared_code.events.projection import Projection
from shared_code.events.publication import to_message
from shared_code.events.rebuild import Rebuild
from shared_code.events.redeliveries import Addressed, Redeliveries
from shared_code.events.replay_order import ReplayOrder
from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent
from shared_code.storage.lake import Lake
from shared_code.storage.sealing.data_key import SealBroken

log = logging.getLogger(__name__)

STREAMS = 40  # of one step
AT_ONCE = 4
EVENTS = 500  # of one step of a feed, at least, where there are as many
BATCH = 100  # events sent to the bus at once
BUILD, SWAP, FEED = "build", "swap", "feed"


class ReplayJob:
    """The order is a ReplayOrder. The cursor has the phase and the stream (of a feed also the version) that is done."""

    def __init__(
        self,
        *,
        store: EventStore,
        redeliveries: Redeliveries,
        projections: Sequence[Projection],
        lake: Lake,
    ) -> None:
        self._store = store
        self._redeliveries = redeliveries
        self.projections: Mapping[str, Projection] = {each.name: each for each in projections}
        self._lake = lake

    def rebuild(self, job: Job) -> Rebuild:
        """What a job has built, or builds."""
        order = msgspec.convert(job.order, ReplayOrder)
        return Rebuild(self._store, self.projections[order.projection], job.id)

    async def step(self, job: Job) -> Job:
        """Count the streams first; then do a page."""
        order = msgspec.convert(job.order, ReplayOrder)
        started = time.perf_counter()
        if job.total is None:
            total = len([stream async for stream in self._streams(order)])
            phase = BUILD if order.projection else FEED
            after = replace(job, total=total, cursor={"phase": phase}, state="running" if total else "done")
        elif job.cursor["phase"] == FEED:
            after = await self._feed(job, order)
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
            except SealBroken:  # somebody changed a row of it: that learner is skipped, and nobody else waits
                log.warning("replay.stream_skipped", extra={"learner": stream})
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
        await _some(page, rebuild.swap)
        swapped = replace(job, done=job.done + len(page), cursor={**job.cursor, "stream": page[-1] if page else ""})
        if len(page) == STREAMS:
            return swapped
        return replace(swapped, done=max(swapped.done, job.total or 0), state="done")

    async def _feed(self, job: Job, order: ReplayOrder) -> Job:
        stream, version = job.cursor.get("stream", ""), job.cursor.get("version", 0)
        sent = job.cursor.get("events", 0)
        enough = sent + EVENTS
        done, skipped = job.done, job.skipped
        async for each in self._streams(order, stream, including=version > 0):
            after = version if each == stream else 0
            batch: list[Addressed] = []
            foreign = False
            async for stored in self._store.read(each, after=after):
                foreign = stored.event.tenantid != job.tenant
                if foreign:
                    break
                if _is_wanted(stored, order):
                    batch.append(_addressed(stored, order, job.id))
                after = stored.version
                if len(batch) == BATCH:
                    await self._redeliveries.deliver(batch)
                    sent += len(batch)
                    batch = []
                    if sent >= enough:
                        return _fed(job, done, skipped, each, after, sent)
            await self._redeliveries.deliver(batch)
            sent += len(batch)
            done, skipped = done + (not foreign), skipped + foreign
            stream, version = each, 0
            if sent >= enough:
                return _fed(job, done, skipped, each, 0, sent)
        return replace(_fed(job, done, skipped, stream, 0, sent), state="done")

    async def _streams(self, order: ReplayOrder, after: str = "", *, including: bool = False) -> AsyncIterator[str]:
        """The order's streams after this one, or from it on."""
        if order.stream:
            if not after or including:
                yield order.stream
            return
        if including:
            yield after
        async for stream in self._store.streams(after=after):
            yield stream

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


def _fed(job: Job, done: int, skipped: int, stream: str, version: int, sent: int) -> Job:
    cursor = {"phase": FEED, "stream": stream, "version": version, "events": sent}
    return replace(job, done=done, skipped=skipped, cursor=cursor)


def _is_wanted(stored: StoredEvent, order: ReplayOrder) -> bool:
    kind, subscription = find(stored.event.type), subscription_of(order.topic, order.subscriber)
    if stored.erased or kind is None or subscription is None or not subscription.takes(kind):
        return False
    after = order.start is None or stored.recorded_at >= rfc3339(order.start)
    return after and (order.end is None or stored.recorded_at < rfc3339(order.end))


def _addressed(stored: StoredEvent, order: ReplayOrder, replay: str) -> Addressed:
    event = stored.event
    delivery = Delivery(replay=replay, quiet=not order.side_effects)
    line = Line(order.topic, order.subscriber, stored.stream)
    return Addressed(line, event.id, event.correlationid, to_message(event).body, delivery)


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
