"""Progress is a fold over the learner's stream, whoever wrote the events in it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.learning.progress import Progress
from shared_code.events.archive import Archive
from shared_code.events.store import EventStore
from shared_code.services.progress import ProgressService
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.documents import Documents
from shared_code.storage.tables import Tables
from tests.shared_code.events.backbone import learner_keys


@pytest.fixture
async def tables(azurite: str) -> AsyncIterator[Tables]:
    tables = Tables(StorageAccount(connection_string=azurite))
    yield tables
    await tables.close()


@pytest.fixture
async def blobs(azurite: str) -> AsyncIterator[Blobs]:
    blobs = Blobs(StorageAccount(connection_string=azurite))
    yield blobs
    await blobs.close()


@pytest.fixture
def store(tables: Tables, blobs: Blobs) -> EventStore:
    return EventStore(tables, utc_now, Archive(learner_keys(tables), blobs))


@pytest.fixture
def progress(tables: Tables, blobs: Blobs, store: EventStore) -> ProgressService:
    return ProgressService(Documents(blobs, learner_keys(tables), "projections", "progress", Progress), store)


@pytest.mark.parametrize(
    "occurred",
    [
        datetime(2026, 1, 2, 8, tzinfo=timezone(timedelta(hours=8))),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ],
    ids=["in China's zone", "ahead of all time", "before all time"],
)
async def test_a_time_of_another_system_holds_up_no_learner(
    store: EventStore, progress: ProgressService, occurred: datetime
) -> None:
    """The attempt counts, and so does the learner's next one."""
    person = f"mei{uuid.uuid4().hex[:12]}"
    for moment in (occurred, None):
        item = PractisedItem(hanzi="好", pinyin="hǎo", expected=3, heard=3, tone_score=80.0, accuracy=90.0)
        event = event_of(
            ProgressRecorded(attempt_id=str(uuid.uuid4()), items=(item,), occurred_at=moment),
            subject="mei",
            tenant="school-1",
            correlation_id=str(uuid.uuid4()),
            now=utc_now(),
        )
        await store.append(person, [event])
    folded = await progress.catch_up(person)
    assert folded.version == 2
    assert all(datetime.fromisoformat(mark.at) <= utc_now() for mark in folded.recent)


async def test_a_document_of_another_fold_is_computed_anew(
    tables: Tables, blobs: Blobs, store: EventStore, progress: ProgressService
) -> None:
    """Whatever an older release has folded wrongly does not live on; what sagas took back stays taken back."""
    person, documents = uuid.uuid4().hex, Documents(blobs, learner_keys(tables), "projections", "progress", Progress)
    items = (PractisedItem(hanzi="你", pinyin="nǐ", expected=3, heard=3, tone_score=80.0),)
    events = [
        event_of(
            ProgressRecorded(attempt_id=f"a-{number}", items=items),
            subject="mei",
            tenant="sayzhong",
            correlation_id=str(uuid.uuid4()),
            now=datetime.now(UTC),
        )
        for number in range(3)
    ]
    await store.append(person, events)
    await documents.put(person, Progress(version=99, position=3, reverted=[events[0].id], fold=0))
    caught_up = await progress.catch_up(person)
    assert (caught_up.version, caught_up.position, caught_up.reverted) == (2, 3, [events[0].id])
    assert await documents.load(person) == caught_up
