"""An event as the store keeps it."""

from __future__ import annotations

from msgspec import Struct

from shared_code.domain.events.envelope import CloudEvent


class StoredEvent(Struct, frozen=True, kw_only=True):
    """One event of a stream. `version` counts from 1 without gaps, `recorded_at` is RFC 3339."""

    stream: str
    version: int
    event: CloudEvent
    recorded_at: str
