"""The steps of `learning_progress_saga`, and their undos."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
import msgspec

from orchestrations.activities.step import outlast, recorded_step
from shared_code.bootstrap import app
from shared_code.domain.learning.analysis import Analysis

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload", activity="record_progress")
async def record_progress(payload: dict) -> int:  # type: ignore[type-arg]
    """Fold the learner's new events into the learner's progress."""
    async with recorded_step(payload) as step:
        return 0 if step.erased else (await outlast(lambda: app().services.progress.catch_up(step.person))).version


@bp.activity_trigger(input_name="payload", activity="revert_progress")
async def revert_progress(payload: dict) -> None:  # type: ignore[type-arg]
    """Take the event's contribution back."""
    async with recorded_step(payload) as step:
        if not step.erased:
            await outlast(lambda: app().services.progress.revert(step.person, step.event.id))


@bp.activity_trigger(input_name="payload", activity="analyse_effectiveness")
async def analyse_effectiveness(payload: dict) -> dict[str, Any]:  # type: ignore[type-arg]
    """See what the learner's progress shows."""
    async with recorded_step(payload) as step:
        if step.erased:
            return {}
        analysis = await outlast(lambda: app().services.effectiveness.analyse(step.person, step.event, step.saga_id))
        return msgspec.to_builtins(analysis)  # type: ignore[no-any-return]


@bp.activity_trigger(input_name="payload", activity="adapt_lesson_plan")
async def adapt_lesson_plan(payload: dict) -> int:  # type: ignore[type-arg]
    """Plan what the learner practises next; the plan itself stays where the learner's key reaches."""
    async with recorded_step(payload) as step:
        if step.erased:
            return 0
        analysis = msgspec.convert(step.found["analysis"], Analysis)
        return await outlast(lambda: app().services.planning.adapt(step.person, step.event, analysis, step.saga_id))


@bp.activity_trigger(input_name="payload", activity="restore_lesson_plan")
async def restore_lesson_plan(payload: dict) -> None:  # type: ignore[type-arg]
    """Take the saga's plan back."""
    async with recorded_step(payload) as step:
        if not step.erased:
            await outlast(lambda: app().services.planning.restore(step.person, step.event, step.saga_id))


@bp.activity_trigger(input_name="payload", activity="notify_learner")
async def notify_learner(payload: dict) -> None:  # type: ignore[type-arg]
    """Announce the plan, and what the learner has achieved, on the learner's screen."""
    async with recorded_step(payload) as step:
        plan = await outlast(lambda: app().services.planning.made_by(step.person, step.event, step.saga_id))
        if plan is not None:
            await outlast(lambda: app().services.announcements.announce(step.person, step.event, plan))
