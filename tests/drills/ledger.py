"""What clients were told: every operation that was acknowledged, in the order in which its learner sent it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sent:
    """One acknowledged operation. `id` is the event's for a foreign one, the attempt's for one over HTTP."""

    kind: Literal["foreign", "attempt"]
    id: str
    session_id: str
    correlation_id: str


@dataclass
class Ledger:
    """The record of the load. `sent` and `sessions` are by learner."""

    sent: defaultdict[str, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    sessions: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    retries: int = 0
    answered: list[tuple[float, float]] = field(default_factory=list)  # when a POST was answered, and after how long
    duplicates: int = 0  # sent again on purpose
    refused: list[str] = field(default_factory=list)  # answers that nobody should have got

    def everything(self) -> list[Sent]:
        """All operations of all learners."""
        return [sent for mine in self.sent.values() for sent in mine]
