"""The data lake: what happened, one JSON object a line, for analysts and operators.

Writing costs the caller a few microseconds and never fails it: lines are buffered and appended off the path.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import secrets
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from shared_code.domain.clock import Clock, rfc3339, utc_now
from shared_code.domain.errors import AppError, Conflict
from shared_code.resilience.retry import backoff
from shared_code.storage.blobs import Blobs
from shared_code.storage.layout import LAKE_FILES

log = logging.getLogger(__name__)

BLOCK_BYTES = 1024 * 1024
BLOCKS_A_BLOB = 49_000  # Azure takes 50,000
MOST_WAITING = 100_000  # lines; what comes on top while storage is down is dropped, and counted
EARLY_FLUSH = 2_000  # lines
TAILS_KEPT = 500


class Folder(NamedTuple):
    """One hour of one file: `prefix` is `{area}/{name}/{yyyy}/{mm}/{dd}/{hh}`."""

    container: str
    prefix: str


@dataclass(slots=True)
class Tail:
    """Where this writer's next block goes: which of its blobs, how long it is, how many blocks it has."""

    part: int = 0
    size: int = 0
    blocks: int = 0


class Lake:
    """Appends to `{area}/{name}/{yyyy}/{mm}/{dd}/{hh}/{writer}.jsonl`, with a writer of its own in each process.

    `failures` counts flushes that storage refused; their lines are kept and tried again. `dropped` counts lines lost
    because storage was down for too long. Lines hold pseudonyms only, never a learner's words, audio, name or token.
    """

    def __init__(
        self,
        blobs: Blobs,
        *,
        clock: Clock = utc_now,
        writer: str | None = None,
        interval: float = 1.0,
        blocks_a_blob: int = BLOCKS_A_BLOB,
    ) -> None:
        self.writer = writer or secrets.token_hex(8)
        self.failures = 0
        self.dropped = 0
        self._blobs = blobs
        self._clock = clock
        self._interval = interval  # seconds
        self._blocks_a_blob = blocks_a_blob
        # Threads and signal handlers write too: a deque's appends and pops are atomic, so no lock can be held twice.
        self._lines: deque[tuple[Folder, bytes]] = deque()
        self._sealed: defaultdict[Folder, deque[bytes]] = defaultdict(deque)
        self._tails: dict[Folder, Tail] = {}
        self._flushing = asyncio.Lock()
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Lines and blocks that are not in storage yet."""
        return len(self._lines) + sum(len(blocks) for blocks in self._sealed.values())

    def write(self, container: str, name: str, record: Mapping[str, object]) -> None:
        """Add a record to a file such as `event_bus/event_processing_logs`; `time` is added.

        ValueError for a file that the lake does not have: a slip of the pen, not a matter of operation.
        """
        if name not in LAKE_FILES.get(container, ()):
            raise ValueError(f"the lake has no file {container}/{name}")
        now = self._clock()
        folder = Folder(container, f"{name}/{now:%Y/%m/%d/%H}")
        line = msgspec.json.encode({"time": rfc3339(now), **record}, enc_hook=str) + b"\n"
        if len(self._lines) >= MOST_WAITING:
            self.dropped += 1
            return
        self._lines.append((folder, line))
        self._wake()

    async def flush(self) -> None:
        """Append everything that waits. Storage failures are counted and logged; the lines stay for the next time."""
        async with self._flushing:
            self._seal()
            for folder in list(self._sealed):
                try:
                    await self._send(folder)
                except AppError as failure:
                    self.failures += 1
                    log.warning("lake.flush_failed", extra={"container": folder.container, "code": failure.code})
                    if failure.retryable:
                        return  # storage is down: the other folders would only wait for the same answer

    async def close(self) -> None:
        """Write what is left, trying for a few seconds while storage is down, and stop."""
        for attempt in range(4):
            await self.flush()
            if not self.waiting:
                break
            await asyncio.sleep(backoff(attempt, first=0.5, longest=2))
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self.waiting:
            log.error("lake.lost", extra={"waiting": self.waiting})

    def flush_blocking(self, append: Callable[[str, str, bytes, int], None]) -> None:
        """Write what is left without an event loop: `append(container, name, block, at)`. See storage/last_flush.py."""
        self._seal()
        for folder, blocks in list(self._sealed.items()):
            while blocks:
                tail, name = self._place(folder)
                append(folder.container, name, blocks[0], tail.size)
                self._landed(folder, tail)

    def _wake(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # a thread without a loop: the next write on a loop, or the last flush, takes the line along
        if len(self._lines) >= EARLY_FLUSH:
            self._full.set()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run(), context=contextvars.Context())

    async def _run(self) -> None:
        """Flush until nothing waits; the next write starts anew. Waits longer while storage is down."""
        unlucky = 0
        while self.waiting:
            pause = self._interval if not unlucky else self._interval + backoff(unlucky, first=1, longest=30)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), timeout=pause)
            self._full.clear()
            before = self.failures
            await self.flush()
            unlucky = unlucky + 1 if self.failures > before else 0

    def _seal(self) -> None:
        """Turn lines into blocks. A block never changes: only so can a repeated append be told from a new one."""
        while len(self._tails) > TAILS_KEPT:
            self._tails.pop(next(iter(self._tails)))  # the oldest: its hour is long over
        gathered: defaultdict[Folder, list[bytes]] = defaultdict(list)
        sizes: defaultdict[Folder, int] = defaultdict(int)
        while self._lines:
            folder, line = self._lines.popleft()
            if sizes[folder] + len(line) > BLOCK_BYTES:
                self._sealed[folder].append(b"".join(gathered.pop(folder)))
                sizes[folder] = 0
            gathered[folder].append(line)
            sizes[folder] += len(line)
        for folder, lines in gathered.items():
            self._sealed[folder].append(b"".join(lines))

    async def _send(self, folder: Folder) -> None:
        blocks = self._sealed[folder]
        while blocks:
            tail, name = self._place(folder)
            try:
                await self._blobs.append(folder.container, name, blocks[0], at=tail.size)
            except Conflict:
                self._tails[folder] = Tail(part=tail.part + 1)  # not as long as we left it: leave it alone
                raise
            self._landed(folder, tail)
        del self._sealed[folder]

    def _place(self, folder: Folder) -> tuple[Tail, str]:
        tail = self._tails.setdefault(folder, Tail())
        if tail.blocks >= self._blocks_a_blob:
            tail = self._tails[folder] = Tail(part=tail.part + 1)
        suffix = f"-{tail.part}" if tail.part else ""
        return tail, f"{folder.prefix}/{self.writer}{suffix}.jsonl"

    def _landed(self, folder: Folder, tail: Tail) -> None:
        block = self._sealed[folder].popleft()
        tail.size += len(block)
        tail.blocks += 1
