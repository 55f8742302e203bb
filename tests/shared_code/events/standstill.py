"""A process for a test to kill: records facts with real journals, each standing still after one of its steps.

    python -m tests.shared_code.events.standstill STORAGE BUS STEP=EVENT…

Prints `here` when a journal has come to its step: `note`, `append`, `publish` or `clear`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec

from shared_code.domain.events.envelope import CloudEvent
from tests.shared_code.events.backbone import Backbone, stream_of


def _stand_still_after(part: object, step: str) -> None:
    work = getattr(part, step)

    async def work_and_stand_still(*args: Any, **kwargs: Any) -> None:
        await work(*args, **kwargs)
        print("here", flush=True)
        await asyncio.sleep(600)

    setattr(part, step, work_and_stand_still)


async def _record(storage: str, bus: str, step: str, body: str) -> None:
    backbone = Backbone(storage, bus)
    parts = {"append": backbone.store, "publish": backbone.publication}
    _stand_still_after(parts.get(step, backbone.pending), step)
    event = msgspec.json.decode(body.encode(), type=CloudEvent)
    await backbone.journal.record(stream_of(event.tenantid, event.subject), [event])


async def _main(storage: str, bus: str, *records: str) -> None:
    await asyncio.gather(*(_record(storage, bus, *record.split("=", 1)) for record in records))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
