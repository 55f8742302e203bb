"""Where a replay takes events from: the event store, or the lake's archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from shared_code.domain.errors import AppError
from shared_code.events.stored import StoredEvent


class EventsMissing(AppError):
    """A stream has a gap: what is computed from it would be wrong."""

    code = "events-missing"


class EventSource(Protocol):
    """Streams of events. Raises Unavailable, and SealBroken where somebody has changed what is stored."""

    def streams(self, *, after: str = "") -> AsyncIterator[str]:
        """The names of all streams in order, after this one."""
        ...

    def read(self, stream: str, *, after: int = 0, to: int | None = None) -> AsyncIterator[StoredEvent]:
        """The stream's events in order, beyond version `after`, up to version `to`."""
        ...
