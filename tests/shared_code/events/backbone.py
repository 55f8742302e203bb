"""One process's worth of the event backbone, for tests."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

from shared_code.domain.clock import utc_now
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.pseudonyms import pseudonym
from shared_code.events.archive import Archive
from shared_code.events.archiving import Archiving
from shared_code.events.bus import Bus, BusNamespace
from shared_code.events.consents import ConsentRecord
from shared_code.events.consumer import Consumer
from shared_code.events.dead_letter_queue import DeadLetterQueue
from shared_code.events.dead_letters import DeadLetters
from shared_code.events.found_letters import FoundLetters
from shared_code.events.handling import Handling
from shared_code.events.inbox import Inbox
from shared_code.events.jobs import Jobs
from shared_code.events.journal import Journal
from shared_code.events.lake_archive import LakeArchive
from shared_code.events.letter import Letter
from shared_code.events.letters import Letters
from shared_code.events.mending import Mending
from shared_code.events.outbox import Outbox
from shared_code.events.parking import Parking
from shared_code.events.pending import Pending
from shared_code.events.publication import Publication
from shared_code.events.redeliveries import Redeliveries
from shared_code.events.redrive import Redrive
from shared_code.events.retries import Retries
from shared_code.events.store import EventStore
from shared_code.events.sweeper import Sweeper
from shared_code.events.timeline import Timeline
from shared_code.events.unarchived import Unarchived
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.lake import Lake
from shared_code.storage.sealing.file_wrapper import FileWrapper
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Tables

# Processes that a test starts inherit it: what one seals another opens.
KEY_FILE = Path(os.environ.setdefault("TESTS_LEARNER_KEYS", f"{mkdtemp()}/learner-keys.key"))
KEY = b"a key for tests only, 32 bytes.."


def learner_keys(tables: Tables, key_file: Path = KEY_FILE) -> LearnerKeys:
    """Learners' keys, wrapped by the run's own key file."""
    return LearnerKeys(tables, FileWrapper(key_file), utc_now)


class Backbone:
    """One process's worth of the event backbone. Two of them on the same connections are two instances of the app."""

    def __init__(
        self, storage: str, bus: str, *, lease: timedelta = timedelta(seconds=1), key_file: Path = KEY_FILE
    ) -> None:
        account = StorageAccount(connection_string=storage)
        self.tables = Tables(account)
        self.blobs = Blobs(account)
        self.lake = Lake(self.blobs)
        self.bus = Bus(BusNamespace(connection_string=bus))
        self.keys = learner_keys(self.tables, key_file)
        self.archive = Archive(self.keys, self.blobs)
        self.store = EventStore(self.tables, utc_now, self.archive)
        self.lake_archive = LakeArchive(self.blobs, self.archive)
        self.unarchived = Unarchived(self.tables, utc_now)
        self.archiving = Archiving(self.store, self.unarchived, self.lake_archive, utc_now)
        self.pending = Pending(self.tables, utc_now)
        self.timeline = Timeline(self.tables)
        self.publication = Publication(self.bus, self.lake, self.timeline)
        self.outbox = Outbox(self.store, self.pending, self.publication)
        self.journal = Journal(self.store, self.pending, self.outbox, self.publication)
        self.sweeper = Sweeper(self.pending, self.outbox, utc_now, grace=timedelta())
        self.inbox = Inbox(self.tables, utc_now, lease=lease)
        self.consents = ConsentRecord(self.store, self.journal, utc_now)
        self.letters = Letters(self.tables, self.blobs, self.keys, utc_now)
        self.dead_letters = DeadLetters(self.bus, self.letters, self.keys, stream_of, utc_now)
        self.queue = DeadLetterQueue(self.bus)
        self.found_letters = FoundLetters(
            bus=self.bus,
            tables=self.tables,
            letters=self.letters,
            dead_letters=self.dead_letters,
            queue=self.queue,
            keys=self.keys,
            pseudonym=stream_of,
            clock=utc_now,
        )
        self.handling = Handling(self.store, self.inbox, self.timeline, self.consents, self.keys)
        self.parking = Parking(self.tables, self.keys)
        self.redeliveries = Redeliveries(self.bus)
        self.redrive = self.redrive_with({})
        self.mending = Mending(self.letters, self.store, stream_of, utc_now)
        self.jobs = Jobs(self.tables, utc_now)
        self.consumer = Consumer(
            handling=self.handling,
            parking=self.parking,
            redeliveries=self.redeliveries,
            dead_letters=self.dead_letters,
            lake=self.lake,
            pseudonym=stream_of,
            clock=utc_now,
        )
        self.retries = Retries(
            store=self.store,
            handling=self.handling,
            parking=self.parking,
            redeliveries=self.redeliveries,
            dead_letters=self.dead_letters,
            lake=self.lake,
            clock=utc_now,
        )

    def redrive_with(self, queues: Mapping[str, Callable[[Letter], Awaitable[None]]]) -> Redrive:
        """Redriving, also what died in these queues."""
        return Redrive(
            letters=self.letters,
            queue=self.queue,
            redeliveries=self.redeliveries,
            queues=queues,
            lake=self.lake,
            pseudonym=stream_of,
            clock=utc_now,
        )

    async def close(self) -> None:
        await self.lake.close()
        await self.bus.close()
        await self.tables.close()
        await self.blobs.close()


def stream_of(tenant: str, subject: str) -> str:
    """The stream of a learner's events."""
    return pseudonym(KEY, tenant, subject)


def practised(subject: str, attempt: str = "attempt-1", *, event_id: str | None = None) -> CloudEvent:
    """A progress event of this learner."""
    item = PractisedItem(hanzi="你", pinyin="nǐ", expected=3, heard=2, tone_score=40, accuracy=80, error="tone")
    return event_of(
        ProgressRecorded(attempt_id=attempt, items=(item,)),
        subject=subject,
        tenant="sayzhong",
        correlation_id=str(uuid.uuid4()),
        now=utc_now(),
        event_id=event_id,
    )


@asynccontextmanager
async def backbone_on(storage: str, bus: str, *, key_file: Path = KEY_FILE) -> AsyncIterator[Backbone]:
    """A backbone, closed when left."""
    backbone = Backbone(storage, bus, key_file=key_file)
    try:
        yield backbone
    finally:
        await backbone.close()
