"""Lines whose wake-up was lost."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="30 * * * * *", run_on_startup=False)
async def timer_wake_lines(timer: func.TimerRequest) -> None:
    """Wake lines of parked events that are overdue, every minute; nearly always there is none."""
    await app().delivery.retries.sweep()
