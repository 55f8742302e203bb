"""What happened: the event store, its outbox and archive, and the bus."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from shared_code.bootstrap.storage import Storage
from shared_code.domain.clock import utc_now
from shared_code.events.archive import Archive
from shared_code.events.archiving import Archiving
from shared_code.events.bus import Bus, BusNamespace
from shared_code.events.consents import ConsentRecord
from shared_code.events.intake import Intake
from shared_code.events.journal import Journal
from shared_code.events.lake_archive import LakeArchive
from shared_code.events.outbox import Outbox
from shared_code.events.pending import Pending
from shared_code.events.publication import Publication
from shared_code.events.search import EventSearch
from shared_code.events.store import EventStore
from shared_code.events.sweeper import Sweeper
from shared_code.events.timeline import Timeline
from shared_code.events.unarchived import Unarchived
from shared_code.services.people import People
from shared_code.settings import Settings

SWEEP_GRACE = timedelta(seconds=15)  # three times as long as a publication may take


class Events(Struct, frozen=True, kw_only=True):
    """From the recording of an event to its publication, and where it is found again."""

    bus: Bus
    store: EventStore
    journal: Journal
    timeline: Timeline
    search: EventSearch
    intake: Intake
    consents: ConsentRecord
    sweeper: Sweeper
    lake_archive: LakeArchive
    archiving: Archiving


def build_events(settings: Settings, storage: Storage, people: People) -> Events:
    """The events of these settings."""
    bus = Bus(
        BusNamespace(
            connection_string=settings.service_bus.string,
            host=settings.service_bus.address,
            client_id=settings.service_bus.client_id,
        )
    )
    archive = Archive(storage.keys, storage.blobs)
    store = EventStore(storage.tables, utc_now, archive)
    lake_archive = LakeArchive(storage.blobs, archive)
    pending = Pending(storage.tables, utc_now)
    timeline = Timeline(storage.tables)
    publication = Publication(bus, storage.lake, timeline)
    outbox = Outbox(store, pending, publication)
    journal = Journal(store, pending, outbox, publication)
    return Events(
        bus=bus,
        store=store,
        journal=journal,
        timeline=timeline,
        search=EventSearch(store, timeline),
        intake=Intake(journal, people.pseudonym, utc_now),
        consents=ConsentRecord(store, journal, utc_now),
        sweeper=Sweeper(pending, outbox, utc_now, grace=SWEEP_GRACE),
        lake_archive=lake_archive,
        archiving=Archiving(store, Unarchived(storage.tables, utc_now), lake_archive, utc_now),
    )
