"""A guest who becomes an account holder keeps what they have practised."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.learning.progress import Progress
from shared_code.domain.principal import Principal
from shared_code.events.archive import Archive
from shared_code.events.store import EventStore
from shared_code.services.guests import GuestProgress
from shared_code.services.progress import ProgressService
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.documents import Documents
from shared_code.storage.tables import Tables
from tests.shared_code.events.backbone import learner_keys


class Practice:
    def __init__(self, tables: Tables, blobs: Blobs) -> None:
        keys = learner_keys(tables)
        self.store = EventStore(tables, utc_now, Archive(keys, blobs))
        self.progress = ProgressService(Documents(blobs, keys, "projections", "progress", Progress), self.store)
        self.guests = GuestProgress(self.store, self.progress)

    async def practise(self, person: Principal, times: int = 1) -> list[str]:
        ids = []
        for _ in range(times):
            event = event_of(
                ProgressRecorded(
                    attempt_id=str(uuid.uuid4()),
                    items=(
                        PractisedItem(hanzi="你", pinyin="nǐ", expected=3, heard=3, tone_score=80.0, accuracy=90.0),
                    ),
                ),
                subject=person.id,
                tenant=person.tenant,
                correlation_id=str(uuid.uuid4()),
                now=utc_now(),
            )
            await self.store.append(person.pseudonym, [event])
            ids.append(event.id)
        return ids

    async def attempts(self, person: Principal) -> int:
        return sum(item.attempts for item in (await self.progress.catch_up(person.pseudonym)).items.values())


@pytest.fixture
async def practice(azurite: str) -> AsyncIterator[Practice]:
    account = StorageAccount(connection_string=azurite)
    tables, blobs = Tables(account), Blobs(account)
    yield Practice(tables, blobs)
    await tables.close()
    await blobs.close()


def person(name: str, tenant: str) -> Principal:
    return Principal(name, tenant, f"{name}{uuid.uuid4().hex[:12]}")


async def test_the_account_has_what_the_guest_practised_and_its_own(practice: Practice) -> None:
    guest, account = person("guest", "guests"), person("mei", "school-1")
    await practice.practise(guest, 3)
    await practice.practise(account, 2)
    await practice.guests.adopt(guest, account, "c-1")
    assert await practice.attempts(account) == 5
    copies = [stored.event async for stored in practice.store.read(account.pseudonym, after=2)]
    assert {(event.subject, event.tenantid, event.correlationid) for event in copies} == {("mei", "school-1", "c-1")}


async def test_adopting_again_adds_only_what_is_new(practice: Practice) -> None:
    guest, account = person("guest", "guests"), person("mei", "school-1")
    await practice.practise(guest, 60)  # more than one transaction takes
    await practice.guests.adopt(guest, account, "c-1")
    await practice.practise(guest)
    await practice.guests.adopt(guest, account, "c-2")
    assert await practice.attempts(account) == 61


async def test_what_a_compensated_saga_took_back_stays_taken_back(practice: Practice) -> None:
    guest, account = person("guest", "guests"), person("mei", "school-1")
    reverted, _ = await practice.practise(guest, 2)
    await practice.progress.catch_up(guest.pseudonym)
    await practice.progress.revert(guest.pseudonym, reverted)
    await practice.guests.adopt(guest, account, "c-1")
    assert await practice.attempts(account) == 1


async def test_events_of_other_systems_come_along_whatever_their_ids(practice: Practice) -> None:
    """Only what we publish ourselves is sure to have a UUID; the copies have one."""
    guest, account = person("guest", "guests"), person("mei", "school-1")
    await practice.practise(guest)
    (ours,) = [stored.event async for stored in practice.store.read(guest.pseudonym)]
    await practice.store.append(guest.pseudonym, [msgspec.structs.replace(ours, id="partner-4711")])
    for _ in range(2):
        await practice.guests.adopt(guest, account, "c-1")
    assert await practice.attempts(account) == 2
    assert all([uuid.UUID(stored.event.id).version == 7 async for stored in practice.store.read(account.pseudonym)])
