"""Starting a saga once."""

from __future__ import annotations

from typing import Any


async def start_once(client: Any, saga: str, instance_id: str, event: dict[str, Any]) -> None:
    """Start a saga under an id that follows from its event; one that is there already is left alone.

    The inbox stands in front of this. It is asked again here because the process may have died after the start and
    before the inbox was marked, and Azure would run a finished id anew.
    """
    status = await client.get_status(instance_id)
    if status is not None and status.runtime_status is not None:
        return
    await client.start_new(saga, instance_id, event)
