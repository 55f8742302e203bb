"""Redrives and replays, which no request waits for."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="*/5 * * * * *", run_on_startup=False)
async def timer_work_on_jobs(timer: func.TimerRequest) -> None:
    """Go on with the jobs that run, every five seconds."""
    await app().operations.job_runner.round()
