"""A practice session: who takes part, in which mode, until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

Mode = Literal["practice", "conversation", "collaborative"]
LIFETIME = timedelta(hours=4)
MOST_PARTICIPANTS = 20


class Session(Struct, frozen=True, kw_only=True):
    """People appear by pseudonym; `owner` and `ended_by` are participants. Times are aware and in UTC."""

    session_id: str
    tenant: str
    mode: Mode
    owner: str
    participants: tuple[str, ...]
    lesson_id: str | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether attempts and turns are still taken."""
        return self.ended_at is None and now < self.expires_at
