"""The `signalR` output binding, which the Python model has no decorator of its own for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import azure.functions as func

from shared_code.realtime.signalr import HUB


def signalr_output(bp: func.Blueprint) -> Callable[[Any], Any]:
    """Give a function the output `signalR: func.Out[str]`: what it sets is pushed once the function has returned."""
    return bp.generic_output_binding(  # type: ignore[no-any-return]
        arg_name="signalR",
        type="signalR",
        hubName=HUB,
        connectionStringSetting="AzureSignalRConnectionString",
    )
