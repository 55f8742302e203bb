"""Small facts that all instances of the app share: who holds a claim, which breaker is open, what is registered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """A value as it was read; `version` changes with every write."""

    key: str
    value: bytes
    version: str


class CompareAndSet(Protocol):
    """Values by partition and key, changed by compare-and-set. Every method raises Unavailable during an outage."""

    async def get(self, partition: str, key: str) -> Stored | None:
        """The value, or None."""
        ...

    async def create(self, partition: str, key: str, value: bytes) -> Stored:
        """Write a value that must not be there yet. Raises Conflict where it is."""
        ...

    async def replace(self, partition: str, read: Stored, value: bytes) -> Stored:
        """Write over what was read. Raises Conflict where it has changed or gone since."""
        ...


class SharedState(CompareAndSet, Protocol):
    """Values that can also be deleted and listed."""

    async def delete(self, partition: str, key: str, *, version: str = "") -> None:
        """Remove a value, whether or not it is there. With a version, Conflict where it has changed since."""
        ...

    def all(self, partition: str) -> AsyncIterator[Stored]:
        """Every value of a partition, in the order of its keys."""
        ...

    async def sweep(self, expired: Callable[[str, bytes], bool]) -> int:
        """Delete the values of all partitions of which this is true, given partition and value; say how many."""
        ...
