"""The envelope of every event: CloudEvents 1.0 in JSON (cloudevents.io, json-format), with our extensions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from shared_code.domain.clock import rfc3339
from shared_code.domain.identifiers import uuid7

MAX_EVENT_BYTES = 1_000_000


class CloudEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. `subject` is the learner (or content item) and the Service Bus session id; `id` the message id.

    On the bus, a large event has `dataref` in place of `data`, where the data is to be fetched (CloudEvents' claim
    check, cloudevents.io, extensions/dataref).
    """

    specversion: str = ""
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str = ""
    dataschema: str = ""
    correlationid: str
    causationid: str = ""
    tenantid: str
    dataref: str = ""
    data: dict[str, Any] = {}

    def encode(self) -> bytes:
        """The event as JSON."""
        return msgspec.json.encode(self)


def data_address(event: CloudEvent) -> str:
    """Where a large event's data is to be had, below the API's address: the whole event, for a service's token."""
    where = urlencode({"tenant": event.tenantid, "subject": event.subject})
    return f"/api/v1/events/{quote(event.id, safe='')}?{where}"


def schema_uri(event_type: str) -> str:
    """The name of the schema of a type's data. A name, not an address to fetch."""
    return f"https://sayzhong.example/schemas/{event_type}.json"


def new_event(
    event_type: str,
    data: Struct,
    *,
    service: str,
    subject: str,
    tenant: str,
    correlation_id: str,
    now: datetime,
    causation_id: str = "",
    event_id: str | None = None,
) -> CloudEvent:
    """Make an event of this moment. Give `event_id` where a retry must make the same event again."""
    return CloudEvent(
        specversion="1.0",
        id=event_id or uuid7(now),
        source=f"/sayzhong/{service}",
        type=event_type,
        subject=subject,
        time=rfc3339(now),
        datacontenttype="application/json",
        dataschema=schema_uri(event_type),
        correlationid=correlation_id,
        causationid=causation_id,
        tenantid=tenant,
        data=msgspec.json.decode(msgspec.json.encode(data)),  # as readers will see it: lists, not tuples
    )
