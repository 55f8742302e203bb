"""Durable instances as the HTTP management API chooses and shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from local.durable.wire import helpers, pb

STATUSES = {
    "Running": pb.ORCHESTRATION_STATUS_RUNNING,
    "Completed": pb.ORCHESTRATION_STATUS_COMPLETED,
    "ContinuedAsNew": pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW,
    "Failed": pb.ORCHESTRATION_STATUS_FAILED,
    "Canceled": pb.ORCHESTRATION_STATUS_CANCELED,
    "Terminated": pb.ORCHESTRATION_STATUS_TERMINATED,
    "Pending": pb.ORCHESTRATION_STATUS_PENDING,
    "Suspended": pb.ORCHESTRATION_STATUS_SUSPENDED,
}
NAMES = {number: name for name, number in STATUSES.items()}
FINISHED = ("Completed", "Failed", "Terminated", "Canceled")


def chosen(query: Mapping[str, str]) -> dict[str, Any]:
    """Statuses and times of a query or a purge."""
    found: dict[str, Any] = {}
    if query.get("runtimeStatus"):
        found["runtimeStatus"] = [STATUSES[name.strip()] for name in query["runtimeStatus"].split(",")]
    for name in ("createdTimeFrom", "createdTimeTo"):
        if query.get(name):
            found[name] = helpers.new_timestamp(datetime.fromisoformat(query[name]))
    return found


def shown(state: Any, with_input: bool) -> dict[str, Any]:
    """One instance as the API shows it."""

    def value(wrapped: Any) -> Any:
        try:
            return json.loads(wrapped.value) if wrapped.value else None
        except ValueError:
            return wrapped.value

    def moment(stamp: Any) -> str:
        return str(stamp.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ"))

    failed = state.HasField("failureDetails")
    return {
        "name": state.name,
        "instanceId": state.instanceId,
        "runtimeStatus": NAMES[state.orchestrationStatus],
        "input": value(state.input) if with_input else None,
        "customStatus": value(state.customStatus),
        "output": state.failureDetails.errorMessage if failed else value(state.output),
        "createdTime": moment(state.createdTimestamp),
        "lastUpdatedTime": moment(state.lastUpdatedTimestamp),
    }
