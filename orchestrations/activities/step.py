"""What every activity of a saga receives, and the record that it leaves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from shared_code.bootstrap import app
from shared_code.domain.errors import AppError
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.sagas import StepFailed
from shared_code.events.reference import resolve
from shared_code.resilience.retry import retry

ATTEMPTS, FIRST, LONGEST = 8, 1.0, 15.0  # of what may pass: half a minute of waits on the average, beside the calls


class Step(Struct, frozen=True, kw_only=True):
    """One step of one saga: the event that started it, whose learner it is about, and what earlier steps found.

    `erased` says that the learner was erased since: there is nothing to do, and nothing to undo.
    """

    saga_id: str
    name: str
    event: CloudEvent
    person: str
    found: dict[str, Any]
    erased: bool = False


async def read_step(payload: dict[str, Any]) -> Step:
    """Read `{"saga_id", "step", "input"}`; the input refers to an event, or is `{"event": …, …}` with more."""
    given = payload["input"]
    found = given if "event" in given else {"event": given}
    stored = await outlast(lambda: resolve(app().events.store, found["event"]))
    return Step(
        saga_id=payload["saga_id"],
        name=payload["step"],
        event=stored.event,
        person=stored.stream,
        found=found,
        erased=stored.erased,
    )


@asynccontextmanager
async def recorded_step(payload: dict[str, Any]) -> AsyncIterator[Step]:
    """Give the step, and write to the lake how it went, also when it failed. Raises StepFailed, with a code."""
    started = time.perf_counter()
    step, reason = None, "unexpected"
    try:
        step = await read_step(payload)
        yield step
        reason = ""
    except AppError as failure:
        reason = failure.code
        raise StepFailed(reason) from failure
    finally:
        if step is not None:
            app().storage.lake.write(
                "integration",
                "event_bus/saga_coordination_data",
                {
                    "correlation_id": step.event.correlationid,
                    "saga_id": step.saga_id,
                    "step": step.name,
                    "outcome": "failed" if reason else "done",
                    "reason": reason or None,
                    "learner": step.person,
                    "ms": round((time.perf_counter() - started) * 1000, 3),
                },
            )


async def outlast[T](work: Callable[[], Awaitable[T]]) -> T:
    """Do a step's work, again while it fails for something that passes: an outage must not undo a lesson.

    What cannot get better is raised at once, and the saga is compensated.
    """
    return await retry(work, attempts=ATTEMPTS, first=FIRST, longest=LONGEST)
