"""Everything else that is published: kept in the event store, whoever published it."""

from __future__ import annotations

import azure.functions as func

from functions.bus.receiving import subscribe

SUBSCRIBER = "audit"
TOPICS = ("content", "experiment", "interaction", "effectiveness", "planning", "notification")

bp = func.Blueprint()


for _topic in TOPICS:
    subscribe(bp, topic=_topic, subscriber=SUBSCRIBER, handle=None)
