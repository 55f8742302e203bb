"""Whether today's code still fits a history that an instance in flight may have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from local.durable.wire import pb
from tests.orchestrations.orchestrators import answered


class Breaks(Exception):
    """An instance with this history would not go on as it was told; the text says why."""


def replay(orchestrator: Callable[..., Any], history: list[Any]) -> None:
    """Take the orchestrator through every turn of the history. Raises Breaks.

    At each turn it replays the past and hears what was new then, as it does when the instance is in flight at that
    point. Microsoft's worker compares what the code asks for with what the past says; an end must be the end that was,
    and may say more.
    """
    [started] = [event.executionStarted for event in history if event.HasField("executionStarted")]
    for past, new, end in _turns(history):
        answer = answered(orchestrator, started.orchestrationInstance.instanceId, past, new)
        for action in answer.actions:
            if not action.HasField("completeOrchestration"):
                continue
            done = action.completeOrchestration
            if end is None:
                raise Breaks(f"it ends after {len(past) + len(new)} events, where it went on: {_said(done)}")
            if not _keeps(end, done):
                raise Breaks(f"it ends as {_said(done)}, where it ended as {_said(end)}")


def _turns(history: list[Any]) -> Iterator[tuple[list[Any], list[Any], Any]]:
    """For each time that the orchestrator ran: the past, what was new, and the end if it was the last one."""
    starts = [n for n, event in enumerate(history) if event.HasField("orchestratorStarted")]
    for start, after in zip(starts, [*starts[1:], len(history)], strict=True):
        turn = history[start:after]
        # What the orchestrator asked for has an id; what came from outside has none.
        new = [event for event in turn if event.eventId < 0 and not _is_close(event)]
        ends = [event.executionCompleted for event in turn if event.HasField("executionCompleted")]
        yield history[:start], new, ends[0] if ends else None


def _is_close(event: Any) -> bool:
    return event.WhichOneof("eventType") in ("orchestratorCompleted", "executionCompleted")


def _keeps(was: Any, now: Any) -> bool:
    """Whether an end is as it was, up to what it says beyond that."""
    if (was.orchestrationStatus, was.failureDetails.errorType) != (
        now.orchestrationStatus,
        now.failureDetails.errorType,
    ):
        return False
    before, after = (json.loads(end.result.value or "null") for end in (was, now))
    if isinstance(before, dict) and isinstance(after, dict):
        return all(name in after and after[name] == value for name, value in before.items())
    return bool(before == after)


def _said(end: Any) -> str:
    return (
        f"{pb.OrchestrationStatus.Name(end.orchestrationStatus)} {end.result.value or end.failureDetails.errorMessage}"
    )
