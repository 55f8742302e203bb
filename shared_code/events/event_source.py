"""Where a replay takes events from: the event store, or the lake's archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from shared_code.domain.errors import AppError
from shared_code.events.archive import PayloadMissing
from shared_code.events.stored import StoredEvent
from shared_code.storage.sealing.data_key import SealBroken


class EventsMissing(AppError):
    """A stream has a gap: what is computed from it would be wrong."""

    code = "events-missing"


BROKEN = (SealBroken, EventsMissing, PayloadMissing)  # one stream's trouble: nobody else has to wait for it


class EventSource(Protocol):
    """Streams of events. Raises Unavailable, and SealBroken where somebody has changed what is stored."""

    def streams(self, *, after: str = "") -> AsyncIterator[str]:
        """The names of all streams in order, after this one."""
        ...

    def read(self, stream: str, *, after: int = 0, to: int | None = None) -> AsyncIterator[StoredEvent]:
        """The stream's events in order, beyond version `after`, up to version `to`."""
        ...
