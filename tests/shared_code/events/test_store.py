from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, TooLarge
from shared_code.domain.events.envelope import MAX_EVENT_BYTES, CloudEvent
from shared_code.events.archive import LARGE, Archive
from shared_code.events.store import EventStore, Precluded, Withdrawn
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.rows import Change, Row
from shared_code.storage.tables import Tables
from tests.proxy import answer_losing
from tests.shared_code.events.backbone import Backbone, learner_keys, practised

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def store(backbone: Backbone) -> EventStore:
    return backbone.store


async def versions(store: EventStore, stream: str) -> list[tuple[int, str]]:
    return [(stored.version, stored.event.id) async for stored in store.read(stream)]


async def test_events_come_back_in_order_and_as_they_were(store: EventStore, stream: str, learner: str) -> None:
    events = [practised(learner, f"attempt-{number}") for number in range(3)]
    stored = await store.append(stream, events)
    again = await store.append(stream, [practised(learner)])

    assert [each.version for each in stored + again] == [1, 2, 3, 4]
    read = [each async for each in store.read(stream)]
    assert [each.event for each in read[:3]] == events
    assert read == stored + again
    assert [each.version async for each in store.read(stream, after=1, to=3)] == [2, 3]
    assert await store.find(stream, events[1].id) == stored[1]
    assert await store.find(stream, "another") is None
    assert (await store.head(stream)).version == 4


async def test_a_stream_that_nobody_wrote_to_is_empty(store: EventStore, stream: str) -> None:
    assert await versions(store, stream) == []
    assert (await store.head(stream)).version == 0


async def test_ten_appends_at_once_keep_an_order_and_lose_none(
    backbone: Backbone, other: Backbone, stream: str, learner: str
) -> None:
    events = [practised(learner) for _ in range(10)]
    stores = (backbone.store, other.store)
    outcomes = await asyncio.gather(
        *(stores[number % 2].append(stream, [event]) for number, event in enumerate(events))
    )
    read = await versions(backbone.store, stream)
    assert [version for version, _ in read] == list(range(1, 11))
    assert sorted(read) == sorted((stored.version, stored.event.id) for (stored,) in outcomes)


async def test_an_append_from_a_version_that_is_past_is_a_conflict_that_says_where_things_stand(
    backbone: Backbone, other: Backbone, stream: str, learner: str
) -> None:
    store = backbone.store
    await store.append(stream, [practised(learner)], expected_version=0)
    with pytest.raises(Conflict) as conflict:
        await store.append(stream, [practised(learner)], expected_version=0)
    assert conflict.value.extra == {"current_version": 1}

    await other.store.append(stream, [practised(learner)])  # `store` does not know of this one
    with pytest.raises(Conflict) as conflict:
        await store.append(stream, [practised(learner)], expected_version=1)
    assert conflict.value.extra == {"current_version": 2}
    await store.append(stream, [practised(learner)], expected_version=2)
    assert len(await versions(store, stream)) == 3


async def test_of_many_appends_from_one_version_one_wins(store: EventStore, stream: str, learner: str) -> None:
    outcomes = await asyncio.gather(
        *(store.append(stream, [practised(learner)], expected_version=0) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7
    assert len(await versions(store, stream)) == 1


async def test_an_event_is_stored_once_however_often_it_is_appended(
    store: EventStore, stream: str, learner: str
) -> None:
    first, second, third = (practised(learner) for _ in range(3))
    stored = await store.append(stream, [first, second])
    assert await store.append(stream, [first, second]) == stored
    assert await store.append(stream, [first, second], expected_version=0) == stored
    mixed = await store.append(stream, [second, third])
    assert [each.version for each in mixed] == [2, 3]

    same = practised(learner)
    outcomes = await asyncio.gather(*(store.append(stream, [same]) for _ in range(5)))
    assert {each.version for (each,) in outcomes} == {4}
    assert len(await versions(store, stream)) == 4


async def test_an_append_whose_answer_was_lost_happened_once_and_its_caller_learns_so(
    azurite: str, stream: str, learner: str
) -> None:
    async with answer_losing(azurite, "TableEndpoint") as (connection, proxy):
        tables, blobs = Tables(StorageAccount(connection_string=connection)), Blobs(StorageAccount())
        store = EventStore(tables, utc_now, Archive(learner_keys(tables), blobs))
        await store.append(stream, [practised(learner)])
        proxy.lose_answers(1)
        (stored,) = await store.append(stream, [practised(learner)], expected_version=1)
        assert stored.version == 2
        assert len(await versions(store, stream)) == 2
        await tables.close()


async def test_everything_of_one_correlation_is_found_in_order_of_time(
    store: EventStore, stream: str, learner: str
) -> None:
    correlation_id = str(uuid.uuid4())

    def at(second: int) -> CloudEvent:
        time = f"2026-01-01T00:00:0{second}.000Z"
        return msgspec.structs.replace(practised(learner), correlationid=correlation_id, time=time)

    first, second, third, never, unrelated = at(2), at(1), at(3), at(4), practised(learner)
    elsewhere = f"{stream}-other"
    await store.announce(stream, [first, unrelated, third])
    await store.announce(stream, [never])
    await store.announce(elsewhere, [second])
    await store.announce(stream, [first])  # repeated, in part
    await store.append(stream, [first, unrelated, third])
    await store.append(elsewhere, [second])
    found = await store.by_correlation(correlation_id)
    assert [each.event for each in found] == [second, first, third]
    assert await store.by_correlation(str(uuid.uuid4())) == []


async def test_what_was_given_up_on_cannot_be_appended_until_it_is_reclaimed(
    store: EventStore, stream: str, learner: str
) -> None:
    event = practised(learner)
    await store.withdraw(stream, [event.id])
    with pytest.raises(Withdrawn):
        await store.append(stream, [event])
    assert await store.find(stream, event.id) is None
    await store.reclaim(stream, [event.id])
    (stored,) = await store.append(stream, [event])
    assert stored.version == 1
    with pytest.raises(Conflict):
        await store.withdraw(stream, [event.id])


async def test_what_was_ruled_out_is_never_appended_and_what_is_there_is_not_ruled_out(
    store: EventStore, stream: str, learner: str
) -> None:
    """Also where the sweeper gave up on it before, and whoever is faster."""
    there, never, late = (practised(learner) for _ in range(3))
    await store.append(stream, [there])
    assert not await store.preclude(stream, there.id)
    await store.withdraw(stream, [late.id])
    for event in (never, late):
        assert await store.preclude(stream, event.id)
        await store.reclaim(stream, [event.id])
        assert await store.preclude(stream, event.id)
        with pytest.raises(Precluded):
            await store.append(stream, [event])
        assert await store.find(stream, event.id) is None

    for _ in range(5):
        event = practised(learner)
        appended, ruled_out = await asyncio.gather(
            store.append(stream, [event]), store.preclude(stream, event.id), return_exceptions=True
        )
        assert isinstance(appended, Precluded) if ruled_out is True else isinstance(appended, list)
        assert (await store.find(stream, event.id) is None) == ruled_out


async def test_more_than_a_transaction_or_a_row_takes_is_refused(store: EventStore, stream: str, learner: str) -> None:
    with pytest.raises(TooLarge):
        await store.append(stream, [practised(learner) for _ in range(50)])
    huge = msgspec.structs.replace(practised(learner), data={"filling": "x" * MAX_EVENT_BYTES})
    with pytest.raises(TooLarge):
        await store.append(stream, [huge])
    assert len(await store.append(stream, [practised(learner) for _ in range(49)])) == 49


async def test_a_large_event_comes_back_as_it_was(store: EventStore, stream: str, learner: str) -> None:
    """Its payload is a blob; who reads the stream does not notice."""
    small, filling = practised(learner), "x" * (MAX_EVENT_BYTES - 1000)
    large = msgspec.structs.replace(practised(learner), data={**small.data, "filling": filling})
    thing = msgspec.structs.replace(large, id="thing", type="sayzhong.content.updated.v1")
    await store.append(stream, [small, large, thing])
    assert [each.event async for each in store.read(stream)] == [small, large, thing]
    filled = {**small.data, "filling": "x" * (LARGE - 1000)}
    many = [msgspec.structs.replace(practised(learner), data=filled) for _ in range(49)]
    assert [each.event for each in await store.append(stream, many)] == many


async def test_ids_of_other_systems_may_be_any_text(store: EventStore, stream: str, learner: str) -> None:
    event = practised(learner, event_id="urn:other/system#1?x=%20'")
    (stored,) = await store.append(stream, [event])
    assert await store.find(stream, event.id) == stored


async def test_a_learner_who_is_erased_leaves_events_that_say_nothing_of_them(
    backbone: Backbone, stream: str, learner: str
) -> None:
    """Storage holds nothing of theirs in the open before, and nothing that opens afterwards; the stream goes on."""
    small = practised(learner)
    large = msgspec.structs.replace(practised(learner), data={**small.data, "remark": "早" * LARGE})
    await backbone.store.append(stream, [small, large])
    rows = [row async for row in backbone.tables.table("events").rows(stream)]
    payload = await backbone.blobs.get("payloads", f"{stream}/{large.id}")
    assert payload is not None
    for plain in (learner, "你", "nǐ", "早"):
        assert plain.encode() not in payload.data
        assert all(plain.encode() not in repr(row).encode() for row in rows)
        assert all(plain.encode() not in value for row in rows for value in row.values.values() if type(value) is bytes)

    await backbone.keys.erase(stream)
    left = [each async for each in backbone.store.read(stream)]
    assert [(each.erased, each.event.id, each.event.subject) for each in left] == [
        (True, small.id, "erased"),
        (True, large.id, "erased"),
    ]
    assert left[0].event.data["items"][0] == {**small.data["items"][0], "hanzi": "〇", "pinyin": "erased"}

    await backbone.archive.forget_payloads(stream)
    later = practised(learner)
    await backbone.store.append(stream, [later])
    assert [(each.erased, each.event.subject) async for each in backbone.store.read(stream)] == [
        (True, "erased"),
        (True, "erased"),
        (False, learner),
    ]


async def test_a_stream_is_read_as_it_was_at_a_time(
    azurite: str, backbone: Backbone, stream: str, learner: str
) -> None:
    """Also where the clock of one process is behind another's: a stream's times never fall."""
    times = iter([10, 30, 20, 40])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    store = EventStore(backbone.tables, lambda: day + timedelta(seconds=next(times)), backbone.archive)
    for _ in range(4):
        await store.append(stream, [practised(learner)])

    async def until(second: float) -> list[int]:
        return [each.version async for each in store.read(stream, until=day + timedelta(seconds=second))]

    assert [await until(second) for second in (9.9, 10, 29, 30, 39, 40)] == [
        [],
        [1],
        [1],
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3, 4],
    ]
    assert [each.version async for each in store.read(stream, after=1, until=day + timedelta(seconds=35))] == [2, 3]


async def test_a_row_beside_events_is_written_with_them_or_not_at_all(
    store: EventStore, stream: str, learner: str
) -> None:
    first = practised(learner)
    await store.append(stream, [first], beside=Change("put", Row(stream, "consents", {"voice": True})))
    with pytest.raises(Conflict):
        await store.append(
            stream,
            [practised(learner)],
            expected_version=0,
            beside=Change("put", Row(stream, "consents", {"voice": False})),
        )
    found = await store.beside(stream, "consents")
    assert found is not None
    assert found.values == {"voice": True}
    assert [each.event.id async for each in store.read(stream)] == [first.id]
