"""Dead letters that other systems put into the queue."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="*/15 * * * * *", run_on_startup=False)
async def timer_find_dead_letters(timer: func.TimerRequest) -> None:
    """Put what came into the queue of dead letters by other ways on the operators' list, every fifteen seconds."""
    await app().delivery.found_letters.look()
