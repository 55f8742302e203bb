"""The saga kit: steps with declared undos, run in reverse when a step fails."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from shared_code.domain.sagas import OPERATOR_EVENT, reason_of

# Outages are outlasted inside the activities (activities/step.py); here a step gets a second and a third chance.
RETRY = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=3)

Steps = Generator[Any, Any, Any]


class Saga:
    """One run of a saga inside its orchestrator.

    Only the orchestration context gives time, ids and results, so that every replay takes the same way. Activities
    receive `{"saga_id", "step", "input"}` and are idempotent by the first two.
    """

    def __init__(self, context: df.DurableOrchestrationContext) -> None:
        self._context = context
        self._undos: list[tuple[str, Any]] = []
        self._done: list[str] = []
        self._step = ""
        self._failed: dict[str, str] | None = None

    def step(self, activity: str, payload: Any, *, undo: str | None = None) -> Steps:
        """Run one step. Its undo is noted first: a step that failed or timed out may have happened all the same."""
        if undo is not None:
            self._undos.append((undo, payload))
        self._step = activity
        self._report("running", activity)
        result = yield from self._call(activity, payload)
        self._done.append(activity)
        return result

    def compensate(self, failure: Exception) -> Steps:
        """Undo what may have happened, the last step first. The outcome says which step failed and, as a code, why.

        An undo that fails parks the saga: it waits for an operator's event `operator_decision`, whose
        `{"action": "retry"}` tries that undo again and `{"action": "skip"}` goes on without it. With a `step` it counts
        for the undo of that name alone.
        """
        self._failed = {"step": self._step, "reason": reason_of(failure)}
        skipped: list[str] = []
        for undo, payload in reversed(self._undos):
            while True:
                self._report("compensating", undo)
                try:
                    yield from self._call(undo, payload)
                    break
                except Exception as fault:  # noqa: BLE001 - the engine raises the activity's failure under its own type
                    self._report("parked", undo, reason_of(fault))
                    if (yield from self._decision(undo)) == "skip":
                        skipped.append(undo)
                        break
        self._report("compensated", None)
        return {"state": "compensated", "failed": self._failed, "done": self._done, "skipped_undos": skipped}

    def _decision(self, undo: str) -> Steps:
        """Wait for a decision about this undo. The engine keeps what comes twice: it must not decide the next one."""
        while True:
            decision = yield self._context.wait_for_external_event(OPERATOR_EVENT)
            if isinstance(decision, dict) and decision.get("step", undo) == undo:
                return decision.get("action")

    def completed(self) -> dict[str, Any]:
        """The saga's outcome when every step ran."""
        self._report("completed", None)
        return {"state": "completed", "done": self._done}

    def _call(self, activity: str, payload: Any) -> Steps:
        step = {"saga_id": self._context.instance_id, "step": activity, "input": payload}
        return (yield self._context.call_activity_with_retry(activity, RETRY, step))

    def _report(self, state: str, step: str | None, reason: str | None = None) -> None:
        """Say where the saga stands; `reason` is why the undo at which it is parked failed."""
        progress = {"state": state, "step": step, "reason": reason, "failed": self._failed, "done": self._done}
        self._context.set_custom_status(progress)
