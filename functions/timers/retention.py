"""What has been kept for long enough."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="0 40 3 * * *", run_on_startup=False)
async def timer_purge_old(timer: func.TimerRequest) -> None:
    """Delete marks, sessions, their logs and attempts that are kept no longer, every night."""
    purged = await app().privacy.retention.purge()
    app().storage.lake.write(
        "monitoring", "integration_health/performance_optimization_data", {"what": "retention", "purged": purged}
    )
