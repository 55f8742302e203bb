"""Whether the services behind the gateway are well."""

from __future__ import annotations

import azure.functions as func

from shared_code.bootstrap import app

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="*/10 * * * * *", run_on_startup=False)
async def timer_probe_services(timer: func.TimerRequest) -> None:
    """Probe every registered instance, every ten seconds."""
    await app().gateway.prober.round()
