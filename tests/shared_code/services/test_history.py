"""A learner's past is read backwards, page by page, without a gap and without a repetition."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.interaction import InteractionOccurred, SessionStarted
from shared_code.events.archive import Archive
from shared_code.events.store import EventStore
from shared_code.services.history import WINDOW, History
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.tables import Tables
from tests.shared_code.events.backbone import learner_keys

STARTED = "sayzhong.session.started.v1"


@pytest.fixture
async def store(azurite: str) -> AsyncIterator[EventStore]:
    account = StorageAccount(connection_string=azurite)
    tables, blobs = Tables(account), Blobs(account)
    yield EventStore(tables, utc_now, Archive(learner_keys(tables), blobs))
    await tables.close()
    await blobs.close()


async def lived(store: EventStore, person: str, life: str) -> None:
    """A stream: `s` is a session's start, anything else something that happened in it."""
    for start in range(0, len(life), 49):
        events = []
        for kind in life[start : start + 49]:
            name = str(uuid.uuid4())
            data = (
                SessionStarted(session_id=name, mode="practice")
                if kind == "s"
                else InteractionOccurred(interaction_id=name, session_id=name, kind="hint")
            )
            events.append(event_of(data, subject=person, tenant="t", correlation_id=name, now=utc_now()))
        await store.append(person, events)


@pytest.mark.parametrize(
    ("life", "limit"),
    [("", 5), ("xxx", 5), ("s", 1), ("ssss", 2), ("xsxsxsxsx", 2), ("s" + "x" * (WINDOW + 60) + "s", 1)],
    ids=["nothing", "nothing of the kind", "one", "whole pages", "between others", "far apart"],
)
async def test_pages_hold_everything_once_the_latest_first(store: EventStore, life: str, limit: int) -> None:
    person = f"mei{uuid.uuid4().hex[:12]}"
    await lived(store, person, life)
    history, before, seen = History(store), None, []
    for _ in range(len(life) + 1):
        past = await history.page(person, STARTED, before=before, limit=limit)
        assert len(past.events) <= limit
        seen += [each.version for each in past.events]
        before = past.before
        if before is None:
            break
    assert seen == [place for place in range(len(life), 0, -1) if life[place - 1] == "s"]
    assert before is None
