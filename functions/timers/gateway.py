"""What the gateway has kept for long enough."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="0 17 * * * *", run_on_startup=False)
async def timer_purge_gateway(timer: func.TimerRequest) -> None:
    """Delete answers to idempotency keys after a day, and the edge's nonces after their minute, every hour."""
    await app().gateway.purge()
