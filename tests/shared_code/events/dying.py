"""A process for a test to kill: handles, retries, archives or redrives with real parts, and stands still after a step.

    python -m tests.shared_code.events.dying STORAGE BUS KEYS WORK STEP ARGUMENT

Prints `here` when it has come to the step. WORK is `consume` (an event, whose handler fails), `keep` (an event that is
only kept), `retry` (a line, whose handler fails for good), `archive` (a stream) or `redrive` (a tenant's letters).
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Invalid, Unavailable
from shared_code.events.letter import Selection
from shared_code.events.line import Line
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Received
from shared_code.events.redelivery import DELAYS
from tests.shared_code.events.backbone import Backbone


def _stand_still_after(part: object, step: str) -> None:
    work = getattr(part, step)

    async def work_and_stand_still(*args: Any, **kwargs: Any) -> Any:
        done = await work(*args, **kwargs)
        print("here", flush=True)
        await asyncio.sleep(600)
        return done

    setattr(part, step, work_and_stand_still)


async def _unavailable(_: Received) -> None:
    raise Unavailable("down")


async def _rejected(_: Received) -> None:
    raise Invalid("No such lesson.")


async def _main(storage: str, bus: str, keys: str, work: str, step: str, argument: str) -> None:
    backbone = Backbone(storage, bus, lease=timedelta(seconds=1), key_file=Path(keys))
    part, name = step.split(".")
    _stand_still_after(getattr(backbone, part), name)
    if work == "consume":
        backbone.consumer._clock = lambda: utc_now() - DELAYS[0]  # so that the first delay is over
        message = IncomingMessage(body=argument.encode())
        await backbone.consumer.consume(message, topic="learning-progress", subscriber="progress", handle=_unavailable)
    elif work == "keep":
        message = IncomingMessage(body=argument.encode())
        await backbone.consumer.consume(message, topic="content", subscriber="audit", handle=None)
    elif work == "retry":
        backbone.retries._clock = lambda: utc_now() + DELAYS[0]  # it is due
        await backbone.retries.work(Line.parse(argument), _rejected)
    elif work == "archive":
        await backbone.archiving._work(argument, [])
    else:
        letters = [each async for each in backbone.letters.opened(argument, Selection())]
        await backbone.redrive.redrive(argument, letters, by="op")


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
