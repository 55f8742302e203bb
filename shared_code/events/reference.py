"""An event by reference: for what keeps its input where the learner's key does not reach, such as a saga's history."""

from __future__ import annotations

from typing import Any

import msgspec

from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.personal import without_personal
from shared_code.events.store import EventStore
from shared_code.events.stored import StoredEvent

STREAM = "stream"


def reference_to(event: CloudEvent, stream: str) -> dict[str, Any]:
    """The event without what is personal, and where all of it is, as plain JSON values."""
    return {**msgspec.to_builtins(without_personal(event)), STREAM: stream}


async def resolve(store: EventStore, reference: dict[str, Any]) -> StoredEvent:
    """The event that a reference names. Raises Unavailable when storage cannot answer."""
    found = await store.find(reference[STREAM], reference["id"])
    assert found is not None, "a reference is made of an event that is in the store, where it stays"
    return found
