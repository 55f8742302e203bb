"""The lake's processing log: one line a delivery, whatever became of it."""

from __future__ import annotations

import time

from shared_code.domain.clock import Clock, parse_rfc3339
from shared_code.domain.errors import AppError
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.delivery import Delivery
from shared_code.events.line import Line
from shared_code.storage.lake import Lake


class ProcessingRecord:
    """One line to be. `outcome` is failed until it is said otherwise."""

    def __init__(self, lake: Lake, *, topic: str, subscriber: str, delivery_count: int) -> None:
        self.topic = topic
        self.subscriber = subscriber
        self.outcome = "failed"
        self.code = ""
        self._lake = lake
        self._started = time.perf_counter()
        self._facts: dict[str, object] = {"delivery_count": delivery_count}

    def about(self, event: CloudEvent, line: Line, delivery: Delivery, clock: Clock) -> None:
        """Say which event it is, now that it is known."""
        lag = (clock() - parse_rfc3339(event.time)).total_seconds()
        self._facts |= {
            "event_id": event.id,
            "type": event.type,
            "learner": line.stream,
            "correlation_id": event.correlationid,
            "lag_ms": round(lag * 1000),
            "redriven": delivery.redriven,
            "replay": delivery.replay,
        }

    def write(self) -> None:
        """Write it, however the handling ended."""
        facts = {
            "topic": self.topic,
            "subscriber": self.subscriber,
            "outcome": self.outcome,
            "code": self.code,
            "ms": round((time.perf_counter() - self._started) * 1000, 3),
        }
        self._lake.write("integration", "event_bus/event_processing_logs", self._facts | facts)


def failure_code(failure: Exception) -> str:
    """A failure in one word, free of whatever its text may hold."""
    return failure.code if isinstance(failure, AppError) else type(failure).__name__
