"""What is to be replayed, to whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

KIND = "replay"


class ReplayOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a projection is rebuilt, or one subscription is fed.

    From one stream, or everything of the tenant, as the event store has it or the lake's archive. A feed takes only
    what was recorded from `start` up to but without `end`; `side_effects` lets it reach people and other systems. With
    `swap` a rebuilt projection takes the place of the live one at once; else it waits beside it.
    """

    projection: str = ""
    topic: str = ""
    subscriber: str = ""
    stream: str = ""
    source: Literal["store", "archive"] = "store"
    start: datetime | None = None
    end: datetime | None = None
    side_effects: bool = False
    swap: bool = False

    def facts(self) -> dict[str, Any]:
        """For the lake: what was asked for, nobody named but by pseudonym."""
        return {
            "projection": self.projection,
            "topic": self.topic,
            "subscriber": self.subscriber,
            "learner": self.stream,
            "source": self.source,
            "side_effects": self.side_effects,
        }
