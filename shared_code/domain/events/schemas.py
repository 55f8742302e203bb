"""JSON Schemas (draft 2020-12) of the event data, made from the models, so that they cannot drift apart."""

from __future__ import annotations

from typing import Any

import msgspec

from shared_code.domain.events.catalogue import EventType
from shared_code.domain.events.envelope import schema_uri


def schema_of(kind: EventType) -> dict[str, Any]:
    """The schema of a type's `data`. Members that it does not name are allowed: changes are additive."""
    schema = msgspec.json.schema(kind.data)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_uri(kind.name),
        "title": kind.name,
        **schema,
    }
