"""Erasures that are under way."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="*/15 * * * * *", run_on_startup=False)
async def timer_erase(timer: func.TimerRequest) -> None:
    """Go on with erasures, also with those that a crash cut short, every fifteen seconds."""
    await app().privacy.erasures.work()
