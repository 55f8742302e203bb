"""What breakers do, for the data lake."""

from __future__ import annotations

from shared_code.domain.clock import Clock, rfc3339
from shared_code.gateway.http import Record
from shared_code.gateway.metrics import breaker_changes
from shared_code.resilience.breaker.breaker import Changed
from shared_code.resilience.breaker.view import View


def breaker_log(record: Record, clock: Clock) -> Changed:
    """Tell the lake and the metrics of each change."""

    def changed(name: str, before: View, after: View) -> None:
        breaker_changes.add(1, {"breaker": name, "to": after.state})
        record(
            "monitoring",
            "api_performance/circuit_breaker_logs",
            {
                "time": rfc3339(clock()),
                "breaker": name,
                "from": before.state,
                "to": after.state,
                "until": after.until,
                "opened": after.opened,
            },
        )

    return changed
