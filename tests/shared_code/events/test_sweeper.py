"""The sweeper gets to every note, whatever has to stay in front of it."""

from __future__ import annotations

import uuid
import zlib
from datetime import timedelta

import pytest

from shared_code.domain.clock import utc_now
from shared_code.events.pending import PARTITIONS, Pending
from shared_code.events.sweeper import Sweeper
from tests.shared_code.events.backbone import Backbone

pytestmark = pytest.mark.asyncio(loop_scope="session")


def neighbours(count: int) -> list[str]:
    """Names of streams of one partition, in order."""
    prefix = uuid.uuid4().hex[:12]
    names = (f"{prefix}{number:05}" for number in range(100_000))
    return [each for each in names if zlib.crc32(each.encode()) % PARTITIONS == 5][:count]


def patient(backbone: Backbone) -> Sweeper:
    """A sweeper that leaves young notes to those who wrote them."""
    return Sweeper(backbone.pending, backbone.outbox, utc_now)


async def noted(backbone: Backbone, young: int) -> tuple[list[str], str]:
    """Streams with a young note each, and one behind them whose note is old."""
    *streams, behind = neighbours(young + 1)
    for stream in streams:
        await backbone.pending.note(stream, [str(uuid.uuid4())])
    await Pending(backbone.tables, lambda: utc_now() - timedelta(hours=1)).note(behind, [str(uuid.uuid4())])
    return streams, behind


async def cleared(backbone: Backbone, streams: list[str]) -> None:
    for stream in streams:
        for note in await backbone.pending.of_stream(stream):
            await backbone.pending.clear(note)


async def test_a_note_behind_a_page_of_those_that_stay_has_its_turn(backbone: Backbone) -> None:
    streams, behind = await noted(backbone, 3)
    swept = await patient(backbone).sweep(limit=2)
    assert swept.given_up >= 1
    assert swept.lag_seconds > 3000
    assert await backbone.pending.of_stream(behind) == []
    assert [len(await backbone.pending.of_stream(stream)) for stream in streams] == [1, 1, 1]
    await cleared(backbone, streams)


async def test_a_run_whose_time_is_up_goes_on_in_the_next_one(backbone: Backbone) -> None:
    streams, behind = await noted(backbone, 3)
    sweeper, runs = patient(backbone), 0
    while await backbone.pending.of_stream(behind):
        await sweeper.sweep(limit=2, turn=0)  # one stream a run
        runs += 1
        assert runs < 1000
    assert runs >= 4
    await cleared(backbone, streams)


async def test_a_streams_notes_are_finished_together_across_pages(backbone: Backbone) -> None:
    """Younger ones go along with older ones: their events may come before in the stream."""
    first, second = neighbours(2)
    long_ago = Pending(backbone.tables, lambda: utc_now() - timedelta(hours=1))
    await long_ago.note(first, [str(uuid.uuid4())])
    for _ in range(2):
        await long_ago.note(second, [str(uuid.uuid4())])
    met = [
        [note.stream for note in notes]
        async for _, notes in patient(backbone)._noted(2)
        if notes[0].stream in (first, second)
    ]
    assert met == [[first], [second, second]]
    await cleared(backbone, [first, second])
