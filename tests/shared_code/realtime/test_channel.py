"""The numbered log of a session, on real table storage."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared_code.domain.clock import utc_now
from shared_code.realtime.channel import Channel
from shared_code.storage.account import StorageAccount
from shared_code.storage.tables import Tables
from tests.shared_code.events.backbone import learner_keys


@pytest.fixture
async def tables(azurite: str) -> AsyncIterator[Tables]:
    tables = Tables(StorageAccount(connection_string=azurite))
    yield tables
    await tables.close()


@pytest.fixture
def channel(tables: Tables) -> Channel:
    return Channel(tables.table("channel"), learner_keys(tables), utc_now)


@pytest.fixture
def session() -> str:
    return str(uuid.uuid4())


async def test_numbers_rise_by_one_whoever_writes_at_once(channel: Channel, session: str) -> None:
    """Ten writers at once: ten numbers without a gap, each message whole."""
    writes = [
        channel.append(session, "mei", "notification", {"n": n}, key=f"n{n}", correlation_id=session) for n in range(10)
    ]
    written = await asyncio.gather(*writes)
    assert sorted(envelope.seq for envelope, _ in written) == list(range(1, 11))
    missed = await channel.catch_up(session, "mei", 0)
    assert missed.complete
    assert missed.latest_seq == 10
    assert {each.seq: each.data for each in missed.messages} == {each.seq: each.data for each, _ in written}


async def test_the_same_key_says_one_thing_once(channel: Channel, session: str) -> None:
    """A step that runs again gets the first envelope, word for word."""
    first, new = await channel.append(session, "mei", "achievement", {"tone": 3}, key="k", correlation_id=session)
    again, new_again = await channel.append(session, "mei", "achievement", {"tone": 4}, key="k", correlation_id=session)
    assert (new, new_again) == (True, False)
    assert again == first


async def test_a_client_reads_only_what_it_missed(channel: Channel, session: str) -> None:
    """After a number, and nothing of another session."""
    for n in range(3):
        await channel.append(session, "mei", "notification", {"n": n}, key=f"{n}", correlation_id=session)
    missed = await channel.catch_up(session, "mei", 2)
    assert [each.data for each in missed.messages] == [{"n": 2}]
    assert (await channel.catch_up(session, "mei", 3)).messages == ()
    assert (await channel.catch_up(str(uuid.uuid4()), "mei", 0)).latest_seq == 0


async def test_s12_expired_messages_are_left_out_and_the_rest_is_complete(tables: Tables, session: str) -> None:
    """The clock moves on: what has expired is not caught up on, what has no expiry always is."""
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    early = Channel(tables.table("channel"), learner_keys(tables), lambda: now)
    late = Channel(tables.table("channel"), learner_keys(tables), lambda: now + timedelta(minutes=1))
    ends = now + timedelta(seconds=30)
    await early.append(session, "mei", "tutor_token", {"t": "…"}, key="t", correlation_id=session, expires_at=ends)
    await early.append(session, "mei", "learning_feedback", {"score": 1}, key="f", correlation_id=session)
    assert len((await early.catch_up(session, "mei", 0)).messages) == 2
    missed = await late.catch_up(session, "mei", 0)
    assert [each.type for each in missed.messages] == ["learning_feedback"]
    assert missed.complete


async def test_a_message_of_many_syllables_fits(channel: Channel, session: str) -> None:
    """A result of 200 syllables is longer than one column of a table takes."""
    data = {"syllables": ["长" * 400] * 200}
    await channel.append(session, "mei", "learning_feedback", data, key="long", correlation_id=session)
    assert (await channel.catch_up(session, "mei", 0)).messages[0].data == data


async def test_more_than_a_page_says_that_there_is_more(channel: Channel, session: str) -> None:
    """`complete` is false until the last page was read."""
    for n in range(502):
        await channel.append(session, "mei", "notification", {"n": n}, key=f"{n}", correlation_id=session)
    page = await channel.catch_up(session, "mei", 0)
    assert (len(page.messages), page.complete, page.latest_seq) == (500, False, 502)
    rest = await channel.catch_up(session, "mei", page.messages[-1].seq)
    assert (len(rest.messages), rest.complete) == (2, True)


async def test_each_participant_reads_ones_own_messages_without_a_gap(channel: Channel, session: str) -> None:
    """What is for all has been written to all, what is for one to that one; numbers are each reader's own."""
    for n, readers in enumerate((("mei", "an"), ("an",), ("mei",), ("mei", "an"))):
        for reader in readers:
            await channel.append(session, reader, "notification", {"n": n}, key=f"{n}", correlation_id=session)
    for reader, expected in (("mei", [0, 2, 3]), ("an", [0, 1, 3])):
        missed = await channel.catch_up(session, reader, 0)
        assert [(each.seq, each.data["n"]) for each in missed.messages] == list(enumerate(expected, 1))
        assert (missed.complete, missed.latest_seq) == (True, 3)
    assert (await channel.catch_up(session, "thief", 0)).messages == ()
