"""From one progress event to an adapted lesson."""

from __future__ import annotations

import azure.durable_functions as df

from orchestrations.compensation import Saga, Steps

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context", orchestration="learning_progress_saga")  # type: ignore[untyped-decorator, unused-ignore]
def learning_progress_saga(context: df.DurableOrchestrationContext) -> Steps:
    """Carry one progress event through analysis, planning and notification, or undo it all.

    The input is the event, or `{"event": …, "quiet": true}` for one that is replayed and is not to be announced.
    """
    given = context.get_input()
    event = given.get("event", given)
    saga = Saga(context)
    try:
        yield from saga.step("record_progress", event, undo="revert_progress")
        analysis = yield from saga.step("analyse_effectiveness", event)
        plan = yield from saga.step(
            "adapt_lesson_plan", {"event": event, "analysis": analysis}, undo="restore_lesson_plan"
        )
        if not given.get("quiet"):
            yield from saga.step("notify_learner", {"event": event, "plan": plan})
    except Exception as failure:  # noqa: BLE001 - whatever failed, what was done must be undone
        return (yield from saga.compensate(failure))
    return saga.completed()
