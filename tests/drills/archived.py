"""Whether the lake's archive has every stored event, once and in order, after all that has been killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from shared_code.domain.clock import utc_now
from shared_code.events.archive import Archive
from shared_code.events.archive_line import Line, decode, line_of
from shared_code.events.archiving import Archiving
from shared_code.events.lake_archive import CONTAINER, LakeArchive
from shared_code.events.store import EventStore
from shared_code.events.unarchived import Unarchived
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables
from tests.shared_code.events.backbone import learner_keys


async def compare(storage: str, tables: Tables, streams: Mapping[str, Sequence[Row]]) -> tuple[int, list[str]]:
    """How many events are archived, and the streams whose archive is not what the store has.

    We do the next round ourselves, beside the stack's own, rather than wait a minute for it.
    """
    blobs = Blobs(StorageAccount(storage))
    archive = Archive(learner_keys(tables), blobs)  # whose keys nobody needs who only brings rows to files
    store, files = EventStore(tables, utc_now, archive), LakeArchive(blobs, archive)
    try:
        await Archiving(store, Unarchived(tables, utc_now), files, utc_now).round()
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
