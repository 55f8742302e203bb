"""Events of other systems taken in, and events looked up."""

from __future__ import annotations

from shared_code.gateway.access import OPERATOR, READ_EVENTS, SERVICE
from shared_code.gateway.routes.route import KIB, Route

ACCEPT_EVENTS = Route(
    name="accept_events",
    method="POST",
    path="v1/events",
    access=SERVICE,
    summary="Accept events of another system",
    consumes=("application/cloudevents+json", "application/cloudevents-batch+json", "application/json"),
    max_body=2 * KIB * KIB,
    deadline=30.0,
)
FIND_EVENTS = Route(
    name="find_events", method="GET", path="v1/ops/events", access=OPERATOR, summary="Find stored events"
)
READ_EVENT = Route(
    name="read_event",
    method="GET",
    path="v1/events/{event_id}",
    access=READ_EVENTS,
    summary="Fetch an event that a message refers to",
)

ROUTES: tuple[Route, ...] = (
    ACCEPT_EVENTS,
    FIND_EVENTS,
    READ_EVENT,
)
