"""Shared state in a table: one row a value, the row's etag its version."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from shared_code.domain.errors import Conflict, NotFound
from shared_code.resilience.shared_state import Stored
from shared_code.storage.rows import Row, Value
from shared_code.storage.tables import Table

COLUMN = 60_000  # bytes in one property; table storage takes 64 KiB, and 1 MiB in a row


class TableState:
    """Values of up to about 900 kB in one table. TooLarge beyond."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, partition: str, key: str) -> Stored | None:
        """The value, or None."""
        row = await self._table.get(partition, key)
        return None if row is None else _stored(row)

    async def create(self, partition: str, key: str, value: bytes) -> Stored:
        """Write a value that must not be there yet. Raises Conflict where it is."""
        return Stored(key, value, await self._table.insert(Row(partition, key, _columns(value))))

    async def replace(self, partition: str, read: Stored, value: bytes) -> Stored:
        """Write over what was read. Raises Conflict where it has changed or gone since."""
        try:
            version = await self._table.replace(Row(partition, read.key, _columns(value), read.version))
        except NotFound:
            raise Conflict("It is gone.") from None
        return Stored(read.key, value, version)

    async def delete(self, partition: str, key: str, *, version: str = "") -> None:
        """Remove a value, whether or not it is there. With a version, Conflict where it has changed since."""
        await self._table.delete(partition, key, etag=version)

    async def all(self, partition: str) -> AsyncIterator[Stored]:
        """Every value of a partition, in the order of its keys."""
        async for row in self._table.rows(partition):
            yield _stored(row)

    async def sweep(self, expired: Callable[[str, bytes], bool]) -> int:
        """Delete the values of all partitions of which this is true, given partition and value; say how many.

        One that changes meanwhile stays. Reads the whole table: for a timer.
        """
        swept = 0
        async for row in self._table.rows():
            if expired(row.partition, _stored(row).value):
                try:
                    await self._table.delete(row.partition, row.key, etag=row.etag)
                except Conflict:
                    continue
                swept += 1
        return swept


def _columns(value: bytes) -> dict[str, Value]:
    return {f"part{place:02d}": value[start : start + COLUMN] for place, start in enumerate(_starts(value))}


def _starts(value: bytes) -> range:
    return range(0, max(len(value), 1), COLUMN)


def _stored(row: Row) -> Stored:
    parts = sorted(name for name in row.values if name.startswith("part"))
    return Stored(row.key, b"".join(bytes(row.values[name]) for name in parts), row.etag)  # type: ignore[arg-type]
