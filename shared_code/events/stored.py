"""An event as the store keeps it."""

from __future__ import annotations

from msgspec import Struct

from shared_code.domain.events.envelope import CloudEvent


class StoredEvent(Struct, frozen=True, kw_only=True):
    """One event of a stream. `version` counts from 1 without gaps, `recorded_at` is RFC 3339 and never falls.

    `erased` says that its learner was erased since: what was personal is gone from `event`, which still fits its
    schema. Nobody has anything to do about such an event; folds pass over it.
    """

    stream: str
    version: int
    event: CloudEvent
    recorded_at: str
    erased: bool = False
