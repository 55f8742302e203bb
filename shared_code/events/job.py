"""Work that takes longer than a request: what it is, how far it is, and whether it is to go on."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

State = Literal["running", "paused", "built", "done", "cancelled", "failed"]
ENDED: frozenset[State] = frozenset({"done", "cancelled", "failed"})


class Job(Struct, frozen=True, kw_only=True):
    """One job. `order` is what was asked for; `cursor` is where it goes on after a crash, in the work's own terms.

    `total` is null until it has been counted. `trouble` is the code of what keeps it from going on, if anything does.
    """

    id: str
    kind: str
    tenant: str
    by: str
    created_at: datetime
    order: dict[str, Any]
    state: State = "running"
    total: int | None = None
    done: int = 0
    skipped: int = 0
    cursor: dict[str, Any] = {}
    trouble: str = ""
    ended_at: datetime | None = None
