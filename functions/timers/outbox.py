"""What crashes left unpublished."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="*/10 * * * * *", run_on_startup=False)
async def timer_sweep_outbox(timer: func.TimerRequest) -> None:
    """Publish what is stored and noted but was not published, every ten seconds."""
    swept = await app().events.sweeper.sweep()
    if swept.published or swept.given_up or swept.failed or timer.past_due:
        app().storage.lake.write(
            "monitoring",
            "integration_health/performance_optimization_data",
            {
                "what": "outbox",
                "published": swept.published,
                "given_up": swept.given_up,
                "failed": swept.failed,
                "lag_seconds": round(swept.lag_seconds, 1),
            },
        )
