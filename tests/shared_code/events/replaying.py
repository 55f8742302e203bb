"""Replays of the progress of a container of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from shared_code.domain.learning.progress import Progress
from shared_code.domain.principal import Principal
from shared_code.events.delivery import delivery_of
from shared_code.events.job import Job
from shared_code.events.line import Line
from shared_code.events.received import Received
from shared_code.events.replay_job import ReplayJob
from shared_code.events.replay_order import KIND, ReplayOrder
from shared_code.services.progress import ProgressProjection, ProgressService
from shared_code.storage.documents import Documents
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive_redeliveries

OPERATOR = Principal(id="op", tenant="sayzhong", pseudonym="operators-pseudonym", roles=frozenset({"operator"}))


class Replays:
    """The progress of a container of its own, and replays of it."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.documents = Documents(
            backbone.blobs, backbone.keys, f"projections-{uuid.uuid4().hex[:12]}", "progress", Progress
        )
        self.service = ProgressService(self.documents, backbone.store)
        self.work = ReplayJob(
            store=backbone.store,
            archive=backbone.lake_archive,
            redeliveries=backbone.redeliveries,
            projections=[ProgressProjection(self.documents)],
            lake=backbone.lake,
        )

    async def run(self, order: ReplayOrder) -> Job:
        """Start a replay and do it, as far as it goes by itself."""
        return await self.go_on(await self.start(order))

    async def start(self, order: ReplayOrder) -> Job:
        """What has happened is archived, where the archive is to be replayed."""
        if order.source == "archive":
            await self.backbone.archiving.round()
        return await self.backbone.jobs.start(KIND, order, OPERATOR, "sayzhong")

    async def go_on(self, job: Job) -> Job:
        while job.state == "running":
            job = await self.backbone.jobs.progress(job, await self.work.step(job))
        return job

    async def bytes_of(self, stream: str) -> bytes:
        blob = await self.backbone.blobs.get(self.documents._container, f"progress/{stream}.json")
        assert blob is not None
        plain = await self.backbone.keys.open(stream, blob.data, f"{self.documents._container}/progress/{stream}.json")
        assert plain is not None
        return plain


async def practise(backbone: Backbone, learner: str, count: int) -> list[str]:
    events = [practised(learner, f"a-{number}") for number in range(count)]
    await backbone.journal.record(stream_of("sayzhong", learner), events)
    return [event.id for event in events]


async def fed(replays: Replays, servicebus: str, stream: str, count: int, handle: Callable[[Received], object]) -> None:
    """Do what the trigger of the queue `redeliveries` does with the line's messages."""

    async def handler(received: Received) -> None:
        handle(received)

    line = Line("learning-progress", "progress", stream)
    for message in await receive_redeliveries(servicebus, line.key, count=count):
        await replays.backbone.consumer.consume(
            message, topic=line.topic, subscriber=line.subscriber, handle=handler, delivery=delivery_of(message)
        )
