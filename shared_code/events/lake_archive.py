"""The lake's archive of events: what the store keeps, as it keeps it, in files that outlive its tables.

Container `archive`, one append blob a stream and month (UTC): `events/{stream}/{yyyy}-{mm}.jsonl`, an event a line. A
line has in the open what is nobody's, and the whole event sealed under the learner's key, or the name of the blob that
has it. So erasing the key erases the learner here too, and what is sealed cannot be moved.

A file by stream, not by hour as in the rest of the lake: whoever replays reads one learner's events in their order, and
nobody else's. Storage takes 50,000 blocks in a blob; a round a minute makes 44,640 in a month.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from msgspec import Struct

from shared_code.domain.clock import rfc3339
from shared_code.domain.errors import AppError, Conflict, NotFound
from shared_code.events.archive import Archive
from shared_code.events.archive_line import Line, decode, encode, row_of
from shared_code.events.stored import StoredEvent
from shared_code.storage.blobs import Blobs
from shared_code.storage.sealing.data_key import SealBroken

CONTAINER = "archive"
FIRST, LAST = "0000-00", "9999-12"  # months


class ArchiveCut(AppError):
    """A file is shorter than it was, or gone: its stream is to be archived anew, from the beginning."""

    code = "archive-cut"


class Tail(Struct, frozen=True, kw_only=True):
    """Where a stream's archive ends: its last event, the month of its last file, that file's size in bytes."""

    version: int = 0
    month: str = ""
    size: int = 0


class LakeArchive:
    """Appends to and reads from the archive. All methods raise Unavailable when storage cannot answer.

    Those that read raise SealBroken where somebody has changed a file.
    """

    def __init__(self, blobs: Blobs, archive: Archive, *, first: str = FIRST, last: str = LAST) -> None:
        self._blobs = blobs
        self._archive = archive
        self._first = first
        self._last = last

    def between(self, start: datetime | None, end: datetime | None) -> LakeArchive:
        """The same archive without the files of months that have nothing from `start` up to `end`."""
        return LakeArchive(
            self._blobs,
            self._archive,
            first=rfc3339(start)[:7] if start else FIRST,
            last=rfc3339(end)[:7] if end else LAST,
        )

    async def append(self, tail: Tail, lines: Sequence[Line]) -> Tail:
        """Append a stream's next events, all of one month and at most a block (4 MiB), and give the new tail.

        Lines that are in the file beyond the tail already, since a crash kept the tail from being put down, are not
        written again. Raises Conflict where somebody else appends at the same time, ArchiveCut (see there).
        """
        month, version = lines[0].month, lines[-1].version
        name, at = _name(lines[0].stream, month), tail.size if tail.month == month else 0
        block = encode(lines)
        try:
            await self._blobs.append(CONTAINER, name, block, at=at)
        except (Conflict, NotFound):
            at, lines = await self._beyond(name, at, lines)
            block = encode(lines)
            if block:
                await self._blobs.append(CONTAINER, name, block, at=at)
        return Tail(version=version, month=month, size=at + len(block))

    async def _beyond(self, name: str, at: int, lines: Sequence[Line]) -> tuple[int, list[Line]]:
        """Where a file goes on that is longer than the tail says, and which of the lines are not in it yet.

        With none left that is behind the last of them: what somebody else has written after it is not ours to count.
        """
        found = b"".join([piece async for piece in self._blobs.pieces(CONTAINER, name, start=at)])
        if not found:
            raise ArchiveCut(f"{name} ends before byte {at}")
        left = {line.event_id: line for line in lines}
        for line in found.splitlines(keepends=True):
            at += len(line)
            left.pop(decode(line).event_id, None)
            if not left:
                break
        return at, list(left.values())

    async def streams(self, *, after: str = "") -> AsyncIterator[str]:
        """The names of all streams in order, after this one."""
        last = after
        start = f"events/{after}0" if after else ""  # 0 comes after /, and so after all files of that stream
        async for name in self._blobs.names(CONTAINER, "events/", start=start):
            stream = name.split("/")[1]
            if stream > last:
                last = stream
                yield stream

    async def read(self, stream: str, *, after: int = 0, to: int | None = None) -> AsyncIterator[StoredEvent]:
        """The stream's events in order, beyond version `after`, up to version `to`; `erased` where the key is."""
        key = await self._archive.key_of(stream)
        async for name in self._blobs.names(CONTAINER, f"events/{stream}/"):
            if not _name(stream, self._first) <= name <= _name(stream, self._last):
                continue
            rest = b""
            async for piece in self._blobs.pieces(CONTAINER, name):
                *whole, rest = (rest + piece).split(b"\n")
                for line in map(decode, whole):
                    if line.stream != stream:
                        raise SealBroken("a line of another stream: somebody moved it")
                    if to is not None and line.version > to:
                        return
                    if line.version > after:
                        yield await self._archive.event_of(row_of(line), key)


def _name(stream: str, month: str) -> str:
    return f"events/{stream}/{month}.jsonl"
