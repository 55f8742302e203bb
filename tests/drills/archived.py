"""Whether the lake's archive has every stored event, once and in order, after all that has been killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from shared_code.events.archive_line import Line, decode, line_of
from shared_code.events.lake_archive import CONTAINER
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.rows import Row
from tests.e2e.people import run_timer
from tests.e2e.stack import Stack


ROUNDS = 3  # of the timer: one that comes while another archives the same finds its work done or leaves it


async def compare(stack: Stack, storage: str, streams: Mapping[str, Sequence[Row]]) -> tuple[int, list[str]]:
    """How many events are archived, and the streams whose archive is not what the store has."""
    for _ in range(ROUNDS):
        await run_timer(stack, "timer_archive_events")
    blobs = Blobs(StorageAccount(storage))
    try:
        archived = {stream: [line async for line in _lines(blobs, stream)] for stream in streams}
    finally:
        await blobs.close()
    faults = [
        f"archive of {stream}: {len(archived[stream])} lines, {len(rows)} events are stored"
        for stream, rows in streams.items()
        if archived[stream] != [line_of(row) for row in rows]
    ]
    return sum(map(len, archived.values())), faults


async def _lines(blobs: Blobs, stream: str) -> AsyncIterator[Line]:
    async for name in blobs.names(CONTAINER, f"events/{stream}/"):
        blob = await blobs.get(CONTAINER, name)
        assert blob is not None
        for line in blob.data.splitlines():
            yield decode(line)
