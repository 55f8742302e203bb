"""Everything else that is published: kept in the event store, whoever published it."""

from __future__ import annotations

import azure.functions as func

from functions.bus.receiving import subscribe
from shared_code.events.received import Received

SUBSCRIBER = "audit"
TOPICS = ("content", "experiment", "interaction", "effectiveness", "planning", "notification")

bp = func.Blueprint()


async def nothing_more(_received: Received) -> None:
    """The consumer has stored the event and recorded that it was handled: that is all there is to do."""


for _topic in TOPICS:
    subscribe(bp, topic=_topic, subscriber=SUBSCRIBER, handle=nothing_more)
