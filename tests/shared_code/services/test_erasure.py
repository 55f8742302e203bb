"""An erasure ends, whatever happens on its way, and knows nobody's name in the end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from shared_code.domain.errors import NotFound, Unavailable
from shared_code.services.erasure import SETTLED_AFTER, Erasures, Person
from shared_code.storage.account import StorageAccount
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Table, Tables
from tests.shared_code.events.backbone import learner_keys


class World:
    """Steps that remember for whom they ran, and fail when told to."""

    def __init__(self, table: Table, keys: LearnerKeys) -> None:
        self.now = datetime(2026, 11, 25, 12, tzinfo=UTC)
        self.ran: list[tuple[str, str]] = []
        self.down = ""
        self.guests: list[Person] = []
        self.table = table
        self.keys = keys

    def process(self) -> Erasures:
        """Erasures as a process that has just started sees them."""

        async def others(_person: Person) -> list[Person]:
            return self.guests

        return Erasures(
            table=self.table,
            keys=self.keys,
            steps={name: partial(self._run, name) for name in ("key", "blobs", "bus")},
            others=others,
            clock=lambda: self.now,
        )

    async def _run(self, name: str, person: Person) -> None:
        if name == self.down:
            raise Unavailable(f"{name} is down")
        self.ran.append((name, person.id))


@pytest.fixture
async def world(azurite: str) -> AsyncIterator[World]:
    tables = Tables(StorageAccount(connection_string=azurite))
    yield World(tables.table(f"erasures{uuid.uuid4().hex[:8]}"), learner_keys(tables))
    await tables.close()


@pytest.fixture
def mei() -> Person:
    return Person(id="mei@school.example", tenant="school", pseudonym=uuid.uuid4().hex)


async def test_it_goes_through_everything_at_once_and_again_when_all_have_forgotten(world: World, mei: Person) -> None:
    erasures = world.process()
    sealed = await world.keys.seal(mei.pseudonym, b"text", "here")
    assert (await erasures.begin(mei)).state == "erasing"
    assert await world.keys.open(mei.pseudonym, sealed, "here") is None
    assert await erasures.work() == 1
    assert (await erasures.of(mei.pseudonym)).state == "settling"
    assert await erasures.work() == 1
    assert len(world.ran) == 3
    world.now += SETTLED_AFTER
    assert await erasures.work() == 0
    erased = await erasures.of(mei.pseudonym)
    assert (erased.state, erased.erased_at, erased.done) == ("erased", world.now, ("key", "blobs", "bus"))
    assert world.ran == [("key", mei.id), ("blobs", mei.id), ("bus", mei.id)] * 2


async def test_what_fails_is_tried_again_by_whoever_comes_next_and_what_is_done_is_not(
    world: World, mei: Person
) -> None:
    await world.process().begin(mei)
    world.down = "blobs"
    assert await world.process().work() == 1
    stands = await world.process().of(mei.pseudonym)
    assert (stands.state, stands.done, stands.failed) == ("erasing", ("key",), "blobs")
    world.down = ""
    await world.process().begin(mei)
    await world.process().work()
    assert (await world.process().of(mei.pseudonym)).state == "settling"
    assert world.ran == [("key", mei.id), ("blobs", mei.id), ("bus", mei.id)]


async def test_guests_who_became_the_learner_go_too(world: World, mei: Person) -> None:
    world.guests = [Person(id="guest-1", tenant="guests", pseudonym="g1"), Person(id="", tenant="", pseudonym="g2")]
    await world.process().begin(mei)
    await world.process().work()
    assert [who for name, who in world.ran if name == "bus"] == [mei.id, "guest-1", ""]


async def test_a_record_names_nobody(world: World, mei: Person) -> None:
    await world.process().begin(mei)
    for _ in range(2):
        rows = [row async for row in world.table.rows()]
        assert rows
        assert mei.id.encode() not in repr(rows).encode()
        assert mei.id.encode() not in b"".join(bytes(row.values["record"]) for row in rows)  # type: ignore[arg-type]
        await world.process().work()
        world.now += timedelta(days=1)
        await world.process().work()


async def test_whoever_was_erased_may_come_back_and_be_erased_again(world: World, mei: Person) -> None:
    erasures = world.process()
    with pytest.raises(NotFound):
        await erasures.of(mei.pseudonym)
    for _ in range(2):
        assert (await erasures.begin(mei)).state == "erasing"
        await erasures.work()
        world.now += SETTLED_AFTER
        assert await erasures.work() == 0
    assert len(world.ran) == 12
