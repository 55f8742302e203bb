"""One attempt from HTTP to saga, by its correlation id, as the event store and the data lake tell it."""

from __future__ import annotations

from demo import lake
from demo.api import Api
from demo.timeline import Timeline
from local.ports import Ports

EXPECTED_EVENTS = (
    "sayzhong.assessment.completed.v1",
    "sayzhong.learning.progress-recorded.v1",
    "sayzhong.effectiveness.analysed.v1",
    "sayzhong.planning.plan-adapted.v1",
)
LAKE_FILES = (
    "api_gateway/request_logs",
    "event_bus/event_publication_logs",
    "event_bus/event_processing_logs",
    "event_bus/saga_coordination_data",
)


async def show_trace(ports: Ports, operator: Api, correlation_id: str, timeline: Timeline) -> None:
    """Print and check what the event store, the saga and the lake hold of one correlation id."""
    timeline.chapter(f"The trace of {correlation_id}")
    status, found, _ = await operator.call("GET", "/api/v1/ops/events", correlation_id=correlation_id)
    events = found.get("events", [])
    timeline.check(status == 200, f"{len(events)} events in the event store")
    for event in events:
        timeline.step("event store", f"{event['time']}  {event['type']}")
    types = [event["type"] for event in events]
    timeline.check(all(types.count(name) == 1 for name in EXPECTED_EVENTS), "each step of the saga left one event")

    cause = next((event["id"] for event in events if event["type"] == EXPECTED_EVENTS[1]), "")
    status, saga, _ = await operator.call("GET", f"/api/v1/ops/sagas/learning-progress-{cause}")
    timeline.check(status == 200 and saga["status"] == "Completed", f"saga {saga.get('id')}: {saga.get('status')}")

    for name in LAKE_FILES:
        records = await lake.find(ports, "integration", name, correlation_id)
        timeline.check(bool(records), f"lake integration/{name}: {len(records)} record(s)")
    records = await lake.find(ports, "realtime", "interaction_logs/feedback_delivery_logs", correlation_id)
    timeline.check(bool(records), f"lake realtime/interaction_logs/feedback_delivery_logs: {len(records)} record(s)")
