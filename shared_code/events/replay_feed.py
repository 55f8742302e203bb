"""Feeding one subscriber again: its events, in each learner's order, sent to it alone."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from msgspec.structs import replace

from shared_code.domain.clock import rfc3339
from shared_code.domain.events.catalogue import find
from shared_code.domain.events.topology import subscription_of
from shared_code.events.delivery import Delivery
from shared_code.events.event_source import BROKEN, EventsMissing, EventSource
from shared_code.events.job import Job
from shared_code.events.line import Line
from shared_code.events.publication import to_message
from shared_code.events.redeliveries import Addressed, Redeliveries
from shared_code.events.replay_order import ReplayOrder
from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent

log = logging.getLogger(__name__)

FEED = "feed"  # the phase
EVENTS = 500  # of one step, at least, where there are as many
STREAMS = 200  # of one step, at most: where few events are wanted, whoever asks is to see it go on
BATCH = 100  # events read, and sent to the bus, at once


class Feed:
    """A page a step. The cursor has the stream that is done, with a version the one that is done up to there."""

    def __init__(self, store: EventStore, redeliveries: Redeliveries) -> None:
        self._store = store
        self._redeliveries = redeliveries

    async def step(self, job: Job, order: ReplayOrder, source: EventSource, streams: AsyncIterator[str]) -> Job:
        """Send the next events. `streams` begins with the one that is done in part, where there is such a one.

        A stream that has a gap, or that somebody has changed, is given up on there, and nobody else waits.
        """
        enough = job.cursor.get("events", 0) + EVENTS
        looked_at = 0
        async for stream in streams:
            after = job.cursor.get("version", 0) if stream == job.cursor.get("stream") else 0
            try:
                foreign = False
                begins_anywhere = not after and order.start is not None  # an archive may leave out earlier months
                events = source.read(stream, after=after)
                async for page in _pages(events, behind=None if begins_anywhere else after):
                    foreign = any(stored.event.tenantid != job.tenant for stored in page)
                    if foreign:
                        break
                    job = _at(job, stream, page[-1].version, await self._send(page, job, order))
                    if job.cursor["events"] >= enough:
                        return job
            except BROKEN as failure:
                log.warning("replay.stream_skipped", extra={"learner": stream, "code": failure.code})
                foreign = True
            job = _at(replace(job, done=job.done + (not foreign), skipped=job.skipped + foreign), stream, 0, 0)
            looked_at += 1
            if job.cursor["events"] >= enough or looked_at == STREAMS:
                return job
        return replace(job, state="done")

    async def _send(self, page: list[StoredEvent], job: Job, order: ReplayOrder) -> int:
        """Send those that are wanted; how many. Handlers go by the store, so what it has lost is put back first."""
        known = [stored for stored in page if not stored.erased]
        if order.source == "archive" and known:
            await self._store.restore(page[0].stream, known)
        wanted = [_addressed(stored, order, job.id) for stored in known if _is_wanted(stored, order)]
        await self._redeliveries.deliver(wanted)
        return len(wanted)


def _at(job: Job, stream: str, version: int, sent: int) -> Job:
    events = job.cursor.get("events", 0) + sent
    return replace(job, cursor={"phase": FEED, "stream": stream, "version": version, "events": events})


def _is_wanted(stored: StoredEvent, order: ReplayOrder) -> bool:
    kind, subscription = find(stored.event.type), subscription_of(order.topic, order.subscriber)
    if kind is None or subscription is None or not subscription.takes(kind):
        return False
    after = order.start is None or stored.recorded_at >= rfc3339(order.start)
    return after and (order.end is None or stored.recorded_at < rfc3339(order.end))


def _addressed(stored: StoredEvent, order: ReplayOrder, replay: str) -> Addressed:
    event = stored.event
    delivery = Delivery(replay=replay, quiet=not order.side_effects)
    line = Line(order.topic, order.subscriber, stored.stream)
    return Addressed(line, event.id, event.correlationid, to_message(event).body, delivery)


async def _pages(events: AsyncIterator[StoredEvent], *, behind: int | None) -> AsyncIterator[list[StoredEvent]]:
    """Events that follow one another, from the one behind this version on, or from any. Raises EventsMissing."""
    page: list[StoredEvent] = []
    async for stored in events:
        if behind is not None and stored.version != behind + 1:
            raise EventsMissing(f"version {behind + 1} is missing")
        behind = stored.version
        page.append(stored)
        if len(page) == BATCH:
            yield page
            page = []
    if page:
        yield page
