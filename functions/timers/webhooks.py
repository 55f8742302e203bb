"""Old deliveries of webhooks are forgotten."""

from __future__ import annotations

from datetime import timedelta

import azure.functions as func

from shared_code.bootstrap import app
from shared_code.domain.clock import rfc3339, utc_now

KEPT = timedelta(days=30)

bp = func.Blueprint()


@bp.timer_trigger(schedule="0 40 3 * * *", arg_name="timer", use_monitor=True)
async def timer_forget_deliveries(timer: func.TimerRequest) -> None:
    """Once a day, forget deliveries of events that are older than 30 days."""
    before = rfc3339(utc_now() - KEPT)
    async for webhook in app().webhooks.every():
        await app().webhook_deliveries.forget(webhook.id, before=before)
