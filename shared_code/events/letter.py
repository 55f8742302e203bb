"""A dead letter as operators see it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from shared_code.events.delivery import FIRST_TIME, Delivery

Reason = Literal["schema", "rejected", "max-delivery-count", "expired", "unknown"]
"""What a letter died of; `unknown` is one that another system put there without a word that we know."""


class Summary(Struct, frozen=True, kw_only=True):
    """What can be said of a letter without opening it. `edited` counts the edits, `size` is in bytes.

    `learner` is the pseudonym of whoever it is about; `subscriber` the subscription that it died in.
    """

    id: str
    tenant: str
    learner: str
    message_id: str
    event_id: str
    type: str
    reason: Reason
    topic: str
    subscriber: str
    delivery_count: int
    failed_at: datetime
    correlation_id: str
    redriven: int
    edited: int
    size: int


class Letter(Struct, frozen=True, kw_only=True):
    """A letter, opened. `session_id` is its session in the queue, `body` the message's body, unchanged or edited.

    Where its learner was erased, `erased` is true and there is nothing inside.
    """

    summary: Summary
    session_id: str = ""
    description: str = ""
    content_type: str = ""
    body: bytes = b""
    delivery: Delivery = FIRST_TIME
    erased: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the body, in hex."""
        return hashlib.sha256(self.body).hexdigest()


class Group(Struct, frozen=True, kw_only=True):
    """Letters that died of the same in the same place."""

    reason: Reason
    type: str
    topic: str
    subscriber: str
    count: int
    oldest: datetime
    newest: datetime

    @classmethod
    def of(cls, letter: Summary) -> Self:
        """A group of one letter."""
        return cls(
            reason=letter.reason,
            type=letter.type,
            topic=letter.topic,
            subscriber=letter.subscriber,
            count=1,
            oldest=letter.failed_at,
            newest=letter.failed_at,
        )

    def with_one_more(self, letter: Summary) -> Self:
        """The group with another letter in it."""
        return replace(
            self,
            count=self.count + 1,
            oldest=min(self.oldest, letter.failed_at),
            newest=max(self.newest, letter.failed_at),
        )


class Selection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters; what is left out does not narrow."""

    reason: Reason | None = None
    type: str = ""
    subscriber: str = ""

    def __contains__(self, letter: Summary) -> bool:
        return (
            self.reason in (None, letter.reason)
            and self.type in ("", letter.type)
            and self.subscriber in ("", letter.subscriber)
        )
