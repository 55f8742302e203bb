"""What is stored and not in the lake's archive yet."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="20 * * * * *", run_on_startup=False)
async def timer_archive_events(timer: func.TimerRequest) -> None:
    """Bring what was stored into the lake's archive, every minute."""
    archived = await app().events.archiving.round()
    if archived.events or archived.failed:
        app().storage.lake.write(
            "monitoring",
            "integration_health/performance_optimization_data",
            {
                "what": "archive",
                "events": archived.events,
                "streams": archived.streams,
                "failed": archived.failed,
                "lag_seconds": round(archived.lag_seconds, 1),
            },
        )
