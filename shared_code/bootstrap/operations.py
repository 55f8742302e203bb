"""What operators do: mend and redrive dead letters, replay events, and the jobs that carry it through."""

from __future__ import annotations

from msgspec import Struct

from shared_code.bootstrap.delivery import Delivery
from shared_code.bootstrap.events import Events
from shared_code.bootstrap.services import Services
from shared_code.bootstrap.storage import Storage
from shared_code.bootstrap.webhooks import Webhooks
from shared_code.domain.clock import utc_now
from shared_code.events import redrive_job, replay_order
from shared_code.events.job_runner import JobRunner
from shared_code.events.jobs import Jobs
from shared_code.events.mending import Mending
from shared_code.events.redrive import Redrive
from shared_code.events.replay_job import ReplayJob
from shared_code.services.operator_actions import OperatorActions
from shared_code.services.people import People
from shared_code.services.webhooks.attempt import QUEUE as WEBHOOKS


class Operations(Struct, frozen=True, kw_only=True):
    """Orders of operators; `actions` keeps who gave which."""

    actions: OperatorActions
    mending: Mending
    redrive: Redrive
    replays: ReplayJob
    jobs: Jobs
    job_runner: JobRunner


def build_operations(
    storage: Storage, events: Events, delivery: Delivery, services: Services, webhooks: Webhooks, people: People
) -> Operations:
    """The operations on these events and letters."""
    redrive = Redrive(
        letters=delivery.letters,
        queue=delivery.dead_letter_queue,
        redeliveries=delivery.redeliveries,
        queues={WEBHOOKS: webhooks.undelivered.redrive},
        lake=storage.lake,
        pseudonym=people.pseudonym,
        clock=utc_now,
    )
    replays = ReplayJob(
        store=events.store,
        redeliveries=delivery.redeliveries,
        projections=services.projections,
        archive=events.lake_archive,
        lake=storage.lake,
    )
    jobs = Jobs(storage.tables, utc_now)
    redrives = redrive_job.RedriveJob(delivery.letters, redrive)
    return Operations(
        actions=OperatorActions(storage.tables.table("actions"), people.pseudonym, utc_now),
        mending=Mending(delivery.letters, events.store, people.pseudonym, utc_now),
        redrive=redrive,
        replays=replays,
        jobs=jobs,
        job_runner=JobRunner(jobs, {redrive_job.KIND: redrives, replay_order.KIND: replays}),
    )
